import JSON
import Policy
import Testing

@testable import OdigosCLI

/// Commands about the whole cluster, against an API server that is a script.
@Suite struct ClusterCommandTests {
  private func named(_ names: String...) -> [JSONValue] { names.map { ["metadata": ["name": .string($0)]] } }

  private func sources(_ namespace: String) -> String { "/apis/odigos.io/v1alpha1/namespaces/\(namespace)/sources" }

  private func source(_ namespace: String, disabled: Bool) -> JSONValue {
    [
      "metadata": ["name": "mine", "namespace": .string(namespace)],
      "spec": [
        "workload": ["name": .string(namespace), "namespace": .string(namespace), "kind": "Namespace"],
        "disableInstrumentation": .bool(disabled),
      ],
    ]
  }

  /// Namespaces of people and of systems; `private` is ignored by the configuration, `off` is opted out, `on` is in.
  private func cluster() throws -> ScriptedCluster {
    let configuration: JSONValue = [
      "metadata": ["name": "odigos-config", "namespace": "odigos-system"],
      "data": ["config.yaml": "ignoredNamespaces: [private]"],
    ]
    return try ScriptedCluster(
      [
        "/api/v1/configmaps": [["metadata": ["name": "odigos-deployment", "namespace": "odigos-system"]]],
        "/api/v1/namespaces/odigos-system/configmaps": [configuration],
        "/api/v1/namespaces": named("shop", "off", "on", "private", "kube-system", "odigos-system", "istio-system"),
        sources("shop"): [], sources("off"): [source("off", disabled: true)],
        sources("on"): [source("on", disabled: false)],
      ],
      writes: ["POST \(sources("shop"))", "PATCH \(sources("off"))/mine", "PATCH \(sources("on"))/mine"])
  }

  @Test func theWholeClusterIsEnabledButForWhatIsIgnored() async throws {
    let cluster = try cluster()
    defer { cluster.client.shutdown() }
    try await SourceTarget.parse(["cluster"]).set(disabled: false, cluster.client)
    let writes = try await cluster.writes()
    #expect(writes.map(\.line) == ["POST \(sources("shop"))", "PATCH \(sources("off"))/mine"])
    #expect(
      writes.first?.body["spec"] == [
        "workload": ["name": "shop", "namespace": "shop", "kind": "Namespace"], "disableInstrumentation": false,
      ])
    #expect(writes.first?.body.at("metadata", "labels", "odigos.io/workload-kind") == "Namespace")
    #expect(writes.last?.body == ["spec": ["disableInstrumentation": false]])
  }

  @Test func theWholeClusterIsDisabledTheSameWay() async throws {
    let cluster = try cluster()
    defer { cluster.client.shutdown() }
    try await SourceTarget.parse(["cluster"]).set(disabled: true, cluster.client)
    #expect(
      try await cluster.writes().map(\.line) == ["POST \(sources("shop"))", "PATCH \(sources("on"))/mine"])
  }

  @Test func oneNamespaceThatRefusesStopsNoOther() async throws {
    let ending: JSONValue = ["metadata": ["name": "ending", "deletionTimestamp": "2030-01-01T00:00:00Z"]]
    let cluster = try ScriptedCluster(
      [
        "/api/v1/configmaps": [["metadata": ["name": "odigos-deployment", "namespace": "odigos-system"]]],
        "/api/v1/namespaces": named("first", "second") + [ending] + named("third"),
        sources("first"): [], sources("second"): [], sources("third"): [],
      ], writes: ["POST \(sources("first"))", "POST \(sources("third"))"])
    defer { cluster.client.shutdown() }
    let failure = await #expect(throws: CommandFailure.self) {
      try await SourceTarget.parse(["cluster"]).set(disabled: false, cluster.client)
    }
    let text = failure?.description ?? ""
    #expect(text.contains("1 of 3 failed") && text.contains("namespace second: "), "\(text)")
    #expect(try await cluster.writes().map(\.line) == ["first", "second", "third"].map { "POST \(sources($0))" })
  }

  @Test func aNameThatCannotBeALabelIsNone() {
    let long = String(repeating: "a", count: 64)
    let workload = WorkloadReference(namespace: "shop", kind: .cronJob, name: long)
    let labels = SourceSubject.workload(workload).source().metadata.labels
    #expect(labels["odigos.io/workload-name"] == nil && labels["odigos.io/workload-kind"] == "CronJob")
  }

  @Test func aDryRunWritesNothing() async throws {
    let cluster = try cluster()
    defer { cluster.client.shutdown() }
    try await SourceTarget.parse(["cluster", "--dry-run"]).set(disabled: false, cluster.client)
    #expect(try await cluster.writes().isEmpty)
  }

  @Test func uninstallTakesTheNotesOffWorkloads() async throws {
    func workload(_ name: String, _ annotations: JSONValue) -> JSONValue {
      ["metadata": ["name": .string(name), "namespace": "shop", "annotations": annotations]]
    }
    let cluster = try ScriptedCluster(
      [
        "/apis/apps/v1/deployments": [
          workload("web", ["odigos.io/removed-at": "2025-01-01T00:00:00Z", "team": "a"]), workload("plain", ["x": "y"]),
          workload("asked", ["odigos.io/rollback-recovery": "1"]),
        ],
        "/apis/apps/v1/statefulsets": [
          workload("db", ["odigos.io/restarted-for": "", "odigos.io/repaired-for": "x"]), workload("gone", [:]),
        ],
        "/apis/argoproj.io/v1alpha1/rollouts": [workload("canary", ["odigos.io/canary-for": "x"])],
      ],
      writes: ["web", "asked"].map { "PATCH /apis/apps/v1/namespaces/shop/deployments/\($0)" }
        + ["PATCH /apis/argoproj.io/v1alpha1/namespaces/shop/rollouts/canary"])
    defer { cluster.client.shutdown() }
    try await Uninstaller(client: cluster.client, namespace: "odigos-system").removeNotes()
    let writes = try await cluster.writes()
    #expect(
      writes.map(\.line) == [
        "PATCH /apis/apps/v1/namespaces/shop/deployments/web",
        // The server answers 404 to this one: it was deleted meanwhile.
        "PATCH /apis/apps/v1/namespaces/shop/statefulsets/db",
        "PATCH /apis/argoproj.io/v1alpha1/namespaces/shop/rollouts/canary",
      ])
    #expect(writes.first?.body == ["metadata": ["annotations": ["odigos.io/removed-at": .null]]])
    #expect(
      writes[1].body == [
        "metadata": ["annotations": ["odigos.io/restarted-for": .null, "odigos.io/repaired-for": .null]]
      ])
  }
}
