import JSON
import KubeObjects
import Testing

@testable import OdigosCLI

/// Whose things `odigos uninstall` takes away.
@Suite struct UninstallationTests {
  private static let ours: JSONValue = ["odigos.io/system-object": "true"]
  private static let made: JSONValue = ["odigos.io/created-by": "odigos-cli"]

  private static func object(
    _ name: String, in namespace: String? = nil, labels: JSONValue = [:], annotations: JSONValue = [:]
  ) -> JSONValue {
    var metadata: JSONValue = ["name": .string(name), "labels": labels, "annotations": annotations]
    if let namespace { metadata["namespace"] = .string(namespace) }
    return ["metadata": metadata]
  }

  private static func uninstall(_ cluster: ScriptedCluster, _ arguments: String...) async throws {
    try await cluster.withConfiguration { path in
      let all = ["uninstall", "--kubeconfig", path] + arguments
      let command = try #require(try OdigosCommand.parseAsRoot(all) as? UninstallCommand)
      try await command.run()
    }
  }

  private static let apps = "/apis/apps/v1/namespaces/monitoring"

  /// A system in the namespace `monitoring`, where something else runs, too.
  private static func system(_ namespace: JSONValue, others: Bool = true) throws -> ScriptedCluster {
    let core = "/api/v1/namespaces/monitoring"
    let deployments = [object("odigos-autoscaler", in: "monitoring", labels: ours)]
    let grafana = others ? [object("grafana", in: "monitoring")] : []
    let maps = [
      object("odigos-deployment", in: "monitoring", labels: ours), object("dashboards", in: "monitoring"),
    ]
    return try ScriptedCluster(
      [
        "/api/v1/configmaps": maps, "/api/v1/namespaces": [namespace], "/api/v1/nodes": [], "\(core)/pods": [],
        "\(core)/configmaps": maps, "\(apps)/deployments": deployments + grafana,
        "\(core)/secrets": [
          object("instrumentor-webhooks-cert", in: "monitoring", labels: ours), object("tls", in: "monitoring"),
        ],
        "\(core)/serviceaccounts": [
          object("odiglet", in: "monitoring", labels: ours), object("default", in: "monitoring"),
        ],
      ],
      writes: [
        "PATCH \(core)", "DELETE \(apps)/deployments/odigos-autoscaler", "DELETE \(core)/configmaps/odigos-deployment",
        "DELETE \(core)/secrets/instrumentor-webhooks-cert", "DELETE \(core)/serviceaccounts/odiglet", "DELETE \(core)",
      ], selects: true,
      answers: others ? [:] : ["GET \(core)": [["body": namespace], ["status": 404]]])
  }

  @Test func whereThereIsNothingNothingIsChanged() async throws {
    let cluster = try ScriptedCluster(
      ["/api/v1/configmaps": [], "/api/v1/namespaces": [Self.object("shop")]],
      writes: ["DELETE /api/v1/namespaces/shop"], selects: true)
    defer { cluster.client.shutdown() }
    try await Self.uninstall(cluster, "--namespace", "shop", "--yes")
    try await Self.uninstall(cluster)
    #expect(try await cluster.writes().map(\.line) == [])
  }

  /// By its label alone it might be anybody's: earlier versions put it on whatever they were installed into.
  @Test(arguments: [[:], made] as [JSONValue])
  func whatIsNotOursStays(_ annotations: JSONValue) async throws {
    let namespace = Self.object("monitoring", labels: Self.ours, annotations: annotations)
    let cluster = try Self.system(namespace)
    defer { cluster.client.shutdown() }
    try await Self.uninstall(cluster, "--yes")
    let lines = try await cluster.writes().map(\.line)
    let core = "/api/v1/namespaces/monitoring"
    #expect(!lines.contains("DELETE \(core)"), "\(lines)")
    for kept in ["grafana", "dashboards", "tls", "default"] { #expect(!lines.contains { $0.hasSuffix("/\(kept)") }) }
    for gone in [
      "\(Self.apps)/deployments/odigos-autoscaler", "\(core)/secrets/instrumentor-webhooks-cert",
      "\(core)/serviceaccounts/odiglet", "\(core)/configmaps/odigos-deployment",
      "/apis/coordination.k8s.io/v1/namespaces/monitoring/leases/odigos-instrumentor",
    ] { #expect(lines.contains("DELETE \(gone)"), "\(gone) in \(lines)") }
    let last = try #require(try await cluster.writes().last)
    #expect(last.line == "PATCH \(core)" && last.body.at("metadata", "labels", "odigos.io/system-object") == .null)
  }

  @Test func aNamespaceThatWeMadeGoes() async throws {
    let namespace = Self.object("monitoring", labels: Self.ours, annotations: Self.made)
    let cluster = try Self.system(namespace, others: false)
    defer { cluster.client.shutdown() }
    try await Self.uninstall(cluster, "--yes")
    #expect(try await cluster.writes().last?.line == "DELETE /api/v1/namespaces/monitoring")
  }

  private static let definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
  private static let found: [(namespaces: [JSONValue], asked: String?, isLeft: Bool, expected: Remains?)] = [
    ([object("shop")], nil, false, .nothing), ([object("shop")], "shop", false, .nothing),
    ([object("shop")], nil, true, .leftovers(namespace: "odigos-system")), ([object("shop")], "shop", true, nil),
    // It is gone already: nothing in it can be lost.
    ([], "elsewhere", true, .leftovers(namespace: "elsewhere")),
    ([object("a"), object("b", labels: ours)], nil, false, .leftovers(namespace: "b")),
    ([object("a"), object("b", labels: ours)], "b", false, .leftovers(namespace: "b")),
    ([object("a"), object("b", labels: ours)], "a", false, nil),
  ]

  @Test(arguments: found.indices) func whatAnInterruptedRunHasLeftIsFound(_ index: Int) async throws {
    let row = Self.found[index]
    let cluster = try ScriptedCluster(
      [
        "/api/v1/configmaps": [], "/api/v1/namespaces": row.namespaces,
        Self.definitions: row.isLeft ? [Self.object("sources.odigos.io", labels: Self.ours)] : [],
      ], selects: true)
    defer { cluster.client.shutdown() }
    if let expected = row.expected {
      #expect(try await Remains.find(cluster.client, asked: row.asked) == expected)
    } else {
      await #expect(throws: CommandFailure.self) { try await Remains.find(cluster.client, asked: row.asked) }
    }
  }

  private static func manifest() throws -> DynamicObject {
    let values = ManifestValues(namespace: "place", image: "i", imagePullPolicy: "Never", version: "1")
    return try #require(try Manifests().objects("deploy/components/namespace.yaml", values).first)
  }

  @Test func aNamespaceThatIsMadeIsMarked() async throws {
    let cluster = try ScriptedCluster([:], writes: ["POST /api/v1/namespaces"])
    defer { cluster.client.shutdown() }
    let namespace = SystemNamespace(client: cluster.client, name: "place")
    let prepared = try await namespace.prepared(try Self.manifest())
    #expect(namespace.isMade(Namespace(json: prepared.json)))
    let writes = try await cluster.writes()
    #expect(writes.map(\.line) == ["POST /api/v1/namespaces"])
    #expect(writes.first?.body.at("metadata", "annotations") == Self.made)
  }

  private static let existing: [(labels: JSONValue, annotations: JSONValue, expected: JSONValue?)] = [
    // Again: what an apply does not name would go.
    (ours, made, made), ([:], [:], nil), (["pod-security.kubernetes.io/enforce": "privileged"], [:], nil),
    (
      ["pod-security.kubernetes.io/enforce": "baseline", "team": "a"], [:],
      ["odigos.io/labels-before": #"{"pod-security.kubernetes.io/enforce":"baseline"}"#]
    ),
    (
      ["pod-security.kubernetes.io/enforce": "privileged"], ["odigos.io/labels-before": "{}"],
      ["odigos.io/labels-before": "{}"]
    ),
  ]

  @Test(arguments: existing.indices) func aNamespaceThatWasThereIsNotMarked(_ index: Int) async throws {
    let row = Self.existing[index]
    let cluster = try ScriptedCluster(
      ["/api/v1/namespaces": [Self.object("place", labels: row.labels, annotations: row.annotations)]])
    defer { cluster.client.shutdown() }
    let prepared = try await SystemNamespace(client: cluster.client, name: "place").prepared(try Self.manifest())
    #expect(prepared.json.at("metadata", "annotations") == row.expected)
    #expect(try await cluster.writes().isEmpty)
  }

  /// Somebody made it in the moment in which we were about to.
  @Test func aNamespaceThatSomebodyElseMakesMeanwhileIsNotMarked() async throws {
    let cluster = try ScriptedCluster(
      [:],
      answers: [
        "GET /api/v1/namespaces/place": [["status": 404], ["body": Self.object("place")]],
        "POST /api/v1/namespaces": [["status": 409]],
      ])
    defer { cluster.client.shutdown() }
    let prepared = try await SystemNamespace(client: cluster.client, name: "place").prepared(try Self.manifest())
    #expect(prepared.json.at("metadata", "annotations") == nil)
  }

  @Test func labelsThatWeHaveReplacedComeBack() async throws {
    let namespace = Self.object(
      "place", annotations: ["odigos.io/labels-before": #"{"pod-security.kubernetes.io/enforce":"baseline"}"#])
    let cluster = try ScriptedCluster(["/api/v1/namespaces": [namespace]], writes: ["PATCH /api/v1/namespaces/place"])
    defer { cluster.client.shutdown() }
    try await SystemNamespace(client: cluster.client, name: "place").release()
    let patches = try await cluster.writes().filter { $0.line.hasPrefix("PATCH") }
    #expect(patches.count == 2)
    #expect(patches.first?.body.at("metadata", "labels") == nil, "an apply that names nothing")
    #expect(
      patches.last?.body.at("metadata", "labels") == [
        "odigos.io/system-object": .null, "pod-security.kubernetes.io/enforce": "baseline",
      ])
  }
}
