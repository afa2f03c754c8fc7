import Concurrency
import Foundation
import JSON
import KubeClient
import KubeObjects
import Policy
import TestSupport
import Testing

@testable import Instrumentor

/// What can be injected follows from what the nodes say.
@Suite struct ClusterAgentsTests {
  private static func key(_ name: String) -> ObjectKey { ObjectKey(name: name) }
  private static func node(_ name: String, _ distributions: [String]?, loader: Bool = true) -> JSONValue {
    var node: JSONValue = ["metadata": ["name": .string(name)], "status": ["capacity": ["pods": "110"]]]
    if let distributions {
      let inventory = AgentInventory(distributions: Set(distributions), hasLoader: loader, hasOpAMPServer: loader)
      let text = String(decoding: AgentInventoryReport(inventory: inventory).json.serialized(), as: UTF8.self)
      node.set(["metadata", "annotations"], [OdigosAnnotation.nodeAgents: .string(text), "other": "x"])
    }
    return node
  }
  private static let image = AgentInventory(distributions: ["python-community", "java-community"], hasLoader: true)

  /// A cluster with an informer that runs for as long as the body does.
  private func withAgents(
    _ image: AgentInventory?, _ body: (FakeCluster, ClusterAgents, Locked<Int>) async throws -> Void
  ) async throws {
    let cluster = try FakeCluster()
    let caches = InstrumentorCaches(
      client: cluster.client, namespace: "odigos-system", logger: AdmissionSample.logger)
    let agents = ClusterAgents(
      caches: caches, image: image.map { AgentInventoryReport(inventory: $0) }, logger: AdmissionSample.logger)
    let changes = Locked(0)
    agents.onChange { changes.withLock { $0 += 1 } }
    let task = Task { await caches.nodes.run() }
    await caches.nodes.waitForSync()
    try await body(cluster, agents, changes)
    #expect(caches.nodes.all.allSatisfy { $0.json["status"] == nil && $0.metadata.annotations["other"] == nil })
    task.cancel()
    await task.value
    await cluster.stop()
  }

  @Test func withoutNodesTheImageSpeaks() async throws {
    try await withAgents(Self.image) { _, agents, _ in #expect(agents.inventory(for: .virtualDevice) == Self.image) }
    try await withAgents(nil) { _, agents, _ in #expect(agents.inventory(for: .hostPath) == .release) }
  }

  @Test func everyNodeThatSaysSomethingCounts() async throws {
    try await withAgents(Self.image) { cluster, agents, changes in
      func wait(_ what: String, _ distributions: Set<String>) async throws {
        try await eventually(what) { agents.inventory(for: .virtualDevice).distributions == distributions }
      }
      // A node without a node agent, or whose words cannot be read, is none that a pod comes to for its agents.
      cluster.set(Node.type, Self.key("bare"), Self.node("bare", nil))
      var odd = Self.node("odd", [])
      odd.set(["metadata", "annotations", OdigosAnnotation.nodeAgents], "{")
      cluster.set(Node.type, Self.key("odd"), odd)
      cluster.set(Node.type, Self.key("a"), Self.node("a", ["python-community", "ruby-community"]))
      try await wait("the first node", ["python-community", "ruby-community"])
      cluster.set(Node.type, Self.key("b"), Self.node("b", ["python-community", "ruby-community"]))
      cluster.set(Node.type, Self.key("c"), Self.node("c", ["python-community"], loader: false))
      try await wait("a node with less", ["python-community"])
      let inventory = agents.inventory(for: .hostPath)
      #expect(!inventory.hasLoader && inventory.missing["ruby-community"] == "the node c does not have them")
      // One change for the first node and one for the third: the second says what the first said.
      #expect(changes.withLock { $0 } == 2)
      cluster.set(Node.type, Self.key("c"), nil)
      try await wait("a node that goes", ["python-community", "ruby-community"])
      cluster.set(Node.type, Self.key("a"), Self.node("a", ["java-community"]))
      try await wait("a node that has others", [])
      cluster.set(Node.type, Self.key("b"), nil)
      try await wait("the last one counts", ["java-community"])
      #expect(agents.inventory(for: .virtualDevice).hasOpAMPServer)
    }
  }

  @Test func whatComesFromTheImageIsInTheImage() async throws {
    try await withAgents(Self.image) { cluster, agents, _ in
      cluster.set(Node.type, Self.key("a"), Self.node("a", ["python-community", "ruby-community"]))
      try await eventually("the node") { agents.inventory(for: .virtualDevice).hasOpAMPServer }
      #expect(agents.inventory(for: .initContainer).distributions == Self.image.distributions)
      #expect(agents.inventory(for: .imageVolume).hasOpAMPServer)
      #expect(agents.inventory(for: .automatic).distributions == ["python-community"])
    }
  }

  @Test func theImagesInventoryIsRead() throws {
    let directory = FileManager.default.temporaryDirectory.appending(path: "agents-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: directory) }
    #expect(ClusterAgents.report(in: directory.path) == nil)
    let report = AgentInventoryReport(inventory: Self.image, versions: ["java-community": "2.23.0"], fingerprint: "f")
    try Data(report.json.serialized()).write(to: directory.appending(path: "inventory.json"))
    #expect(ClusterAgents.report(in: directory.path) == report)
  }
}
