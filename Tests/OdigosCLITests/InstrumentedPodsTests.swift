import JSON
import KubeObjects
import Testing

@testable import OdigosCLI

/// What `odigos uninstall` says about pods that still have an agent.
@Suite struct InstrumentedPodsTests {
  private static func pod(
    _ name: String, owner: (kind: String, name: String)? = nil, labels: JSONValue = [:], phase: String = "Running",
    isEnding: Bool = false
  ) -> Pod {
    var json: JSONValue = [
      "metadata": ["name": .string(name), "namespace": "shop", "labels": labels], "status": ["phase": .string(phase)],
    ]
    if let owner {
      json.set(
        ["metadata", "ownerReferences"],
        [["kind": .string(owner.kind), "name": .string(owner.name), "uid": "u", "controller": true]])
    }
    if isEnding { json.set(["metadata", "deletionTimestamp"], "2030-01-01T00:00:00Z") }
    return Pod(json: json)
  }

  private static let web = pod(
    "web-5d8f7c9b6-x2x4z", owner: ("ReplicaSet", "web-5d8f7c9b6"), labels: ["pod-template-hash": "5d8f7c9b6"])
  private static let cases: [(pod: Pod, says: String, isLeftToUsers: Bool)] = [
    (web, "shop/Deployment/web: kubectl rollout restart deployment/web -n shop", false),
    (pod("db-0", owner: ("StatefulSet", "db")), "where its update strategy is OnDelete, delete its pods", false),
    (pod("import-x", owner: ("Job", "import")), "shop/Job/import: a Job is not restarted", true),
    (pod("tool"), "shop/Pod/tool: nobody owns it; delete it", true),
    (pod("odd", owner: ("Strange", "one")), "shop/Pod/odd: make whatever owns it make it anew", true),
  ]

  @Test(arguments: cases.indices) func whatToDoDependsOnWhoMadeThem(_ index: Int) {
    let row = Self.cases[index]
    let pods = InstrumentedPods([row.pod])
    #expect(pods.text.contains("1 pods still run with an agent") && pods.text.contains(row.says), "\(pods.text)")
    #expect((pods.leftToUsers != nil) == row.isLeftToUsers)
  }

  @Test func whereRestartsAreLeftToUsersAllOfThemAre() {
    #expect(InstrumentedPods([Self.web], restartsAreLeftToUsers: true).leftToUsers?.contains("deployment/web") == true)
  }

  @Test func whatIsOnItsWayOutIsNotWaitedFor() {
    let pods = [
      Self.pod("a", isEnding: true), Self.pod("b", phase: "Succeeded"), Self.pod("c", phase: "Failed"),
    ]
    #expect(InstrumentedPods(pods).isEmpty)
  }

  @Test func manyAreNotAllNamed() {
    let pods = (0..<30).map { Self.pod("tool-\($0)") }
    let text = InstrumentedPods(pods).text
    #expect(text.contains("30 pods") && text.contains("and 20 more") && text.split(separator: "\n").count == 12)
  }

  private static let odigos = "/apis/odigos.io/v1alpha1"
  private static func cluster() throws -> ScriptedCluster {
    let config: JSONValue = ["metadata": ["name": "pod-tool", "namespace": "shop"]]
    let path = "\(odigos)/namespaces/shop/instrumentationconfigs/pod-tool"
    return try ScriptedCluster(
      [
        "/api/v1/pods": [pod("tool").json], "\(odigos)/instrumentationconfigs": [config],
        "/apis/apps/v1/namespaces/odigos-system/deployments": [
          ["metadata": ["name": "odigos-instrumentor"], "status": ["readyReplicas": 1]]
        ],
      ], writes: ["PATCH \(path)", "DELETE \(path)"])
  }

  @Test func aRollbackThatDoesNotEndSaysWhatToDoAndHowToGoOn() async throws {
    let cluster = try Self.cluster()
    defer { cluster.client.shutdown() }
    let uninstaller = Uninstaller(client: cluster.client, namespace: "odigos-system")
    let failure = await #expect(throws: CommandFailure.self) { try await uninstaller.waitForRollback(.zero) }
    let text = failure?.description ?? ""
    #expect(text.contains("shop/Pod/tool: nobody owns it") && text.contains("--no-wait"), "\(text)")
    #expect(try await cluster.writes().isEmpty)
  }

  @Test func nobodyHasToWait() async throws {
    let cluster = try Self.cluster()
    defer { cluster.client.shutdown() }
    try await Uninstaller(client: cluster.client, namespace: "odigos-system").waitForRollback(nil)
    #expect(
      try await cluster.writes().map(\.line)
        == ["PATCH", "DELETE"].map { "\($0) \(Self.odigos)/namespaces/shop/instrumentationconfigs/pod-tool" })
  }
}
