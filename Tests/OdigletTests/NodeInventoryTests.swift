import JSON
import KubeClient
import KubeObjects
import Logging
import Policy
import TestSupport
import Testing

@testable import Odiglet

/// What an odiglet says of the agent files of its node.
@Suite struct NodeInventoryTests {
  private let scratch: ScratchDirectory
  private let client = KubeClient(ClusterAccess(server: "http://127.0.0.1:1", origin: "the test"))
  private var host: String { "\(scratch.path)/host" }

  init() throws { scratch = try ScratchDirectory() }

  private func inventory(opamp: Bool = false, kernel: Set<String> = []) -> NodeInventory {
    NodeInventory(
      nodeName: "n", directory: host, hasOpAMPServer: opamp, kernelDistributions: kernel, client: client,
      logger: Logger(label: "test"))
  }
  private func install() throws {
    try AgentInstallation(source: "\(scratch.path)/image", destination: host, report: { _ in }).install()
  }

  @Test func saysNothingBeforeThereAreFiles() throws {
    #expect(inventory().report() == nil)
    try scratch.write("host/python/agent.py", "not installed by us")
    #expect(inventory().report() == nil)
  }

  @Test func repeatsWhatTheImageSaysAsFarAsItIsThere() throws {
    try scratch.write("image/python/agent.py", "x")
    try scratch.write("image/loader/loader.so", "x")
    try scratch.write(
      "image/inventory.json",
      """
      {"fingerprint": "f", "loader": true,
       "distributions": {"python-community": {"version": "0.60"}, "java-community": {"version": "2.23.0"}},
       "missing": {"ruby-community": "no gems"}}
      """)
    try install()
    let report = try #require(inventory(opamp: true, kernel: ["golang-community"]).report())
    #expect(report.fingerprint == "f" && report.versions == ["python-community": "0.60"])
    #expect(report.inventory.distributions == ["python-community", "golang-community"])
    #expect(report.inventory.hasLoader && report.inventory.hasOpAMPServer)
    #expect(report.inventory.missing["ruby-community"] == "no gems")
    #expect(report.inventory.missing["java-community"]?.contains("no directory java") == true)
    // Containers see it, too.
    #expect(scratch.text("host/inventory.json")?.contains("fingerprint") == true)
  }

  @Test(arguments: [nil, "{", "[]"]) func filesWithoutAnInventorySpeakForThemselves(_ text: String?) throws {
    try scratch.write("image/python/agent.py", "x")
    try scratch.write("image/nodejs-community/x.js", "x")
    if let text { try scratch.write("image/inventory.json", text) }
    try install()
    let report = try #require(inventory().report())
    #expect(report.inventory.distributions == ["python-community"] && !report.inventory.hasLoader)
  }

  @Test func followsAnUpgrade() throws {
    try scratch.write("image/python/agent.py", "x")
    try install()
    let before = inventory().report()
    try scratch.write("image/java/javaagent.jar", "x")
    #expect(inventory().report() == before)
    try install()
    #expect(inventory().report()?.inventory.distributions == ["python-community", "java-community"])
  }

  @Test func publishesOnceAndTriesAgainUntilItSucceeds() async throws {
    try scratch.write("image/python/agent.py", "x")
    try install()
    let server = try ScriptedServer()
    try server.play(
      #"{"PATCH /api/v1/nodes/n": [{"status": 503}, {"body": {"kind": "Node", "metadata": {"name": "n"}}}]}"#)
    let client = KubeClient(ClusterAccess(server: "http://127.0.0.1:\(server.port)", origin: "the test"))
    defer { client.shutdown() }
    let inventory = NodeInventory(nodeName: "n", directory: host, client: client, logger: Logger(label: "test"))
    let task = Task { await inventory.keep() }
    func requests() async throws -> [JSONValue] { try await client.raw("/_log")["requests"]?.array ?? [] }
    try await eventually("two requests") { try await requests().count == 2 }
    task.cancel()
    await task.value
    let body = try JSONValue(parsing: try #require(try await requests().last?["body"]?.string))
    let text = try #require(body.at("metadata", "annotations", OdigosAnnotation.nodeAgents)?.string)
    #expect(AgentInventoryReport(parsing: text) == inventory.report())
  }
}
