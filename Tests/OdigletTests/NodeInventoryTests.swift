import Policy
import TestSupport
import Testing

@testable import Odiglet

/// What an odiglet says of the agent files of its node.
@Suite struct NodeInventoryTests: AgentFileSuite {
  let scratch: TemporaryDirectory

  init() throws { scratch = try TemporaryDirectory() }

  private func inventory(opamp: Bool = false, kernel: Set<String> = []) -> NodeInventory {
    NodeInventory(directory: host, hasOpAMPServer: opamp, kernelDistributions: kernel)
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
}
