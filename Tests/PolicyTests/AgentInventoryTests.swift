import JSON
import Policy
import Testing

/// What the nodes have of agents, and what follows from it for a container.
@Suite struct AgentInventoryTests {
  @Test func followsFromTheFilesOfANode() {
    #expect(AgentInventory.release == AgentInventory(distributions: ["python-community"]))
    let some = AgentInventory(
      directories: ["java", "loader", "nodejs-community"], kernelDistributions: ["golang-community"])
    // Node.js needs a second directory.
    #expect(some.distributions == ["java-community", "golang-community"] && some.hasLoader && !some.hasOpAMPServer)
    #expect(AgentInventory.everything.distributions.count == Distributions.all.count)
  }

  private static let whole = AgentInventory(
    distributions: ["java-community", "php-community", "python-community"],
    variants: ["php-community": ["8.2", "8.3"]], hasLoader: true, hasOpAMPServer: true)

  @Test func isWhatEveryNodeHas() throws {
    #expect(AgentInventory.common([]) == nil)
    #expect(AgentInventory.common([(["a"], Self.whole), (["b", "c"], Self.whole)]) == Self.whole)
    var old = Self.whole
    old.distributions.remove("java-community")
    old.missing["java-community"] = "the mirror was away"
    old.variants["php-community"] = ["8.2"]
    old.hasLoader = false
    let both = try #require(AgentInventory.common([(["new"], Self.whole), (["x", "old"], old)]))
    #expect(both.distributions == ["php-community", "python-community"])
    #expect(both.variants == ["php-community": ["8.2"]])
    #expect(!both.hasLoader && both.hasOpAMPServer)
    #expect(
      both.missing["java-community"] == "the node old and 1 more do not have them: the mirror was away", "\(both)")
    // What all have is not missing, whatever one of them says.
    var mistaken = Self.whole
    mistaken.missing["python-community"] = "?"
    #expect(mistaken.intersection(Self.whole).missing.isEmpty)
  }

  @Test func aVariantThatOneNodeDoesNotNameIsThereForAll() throws {
    var all = Self.whole
    all.variants = [:]
    #expect(try #require(AgentInventory.common([(["a"], all), (["b"], Self.whole)])).variants == Self.whole.variants)
  }

  struct Case: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var details: RuntimeFacts
    var inventory: AgentInventory
    var code = ReasonCode.enabledSuccessfully
    var mentions: [String] = []
  }

  private static func details(_ language: ProgrammingLanguage, _ version: String, libc: String? = nil) -> RuntimeFacts {
    RuntimeFacts(containerName: "app", language: language, runtimeVersion: version, libCType: libc)
  }

  static let cases: [Case] = [
    Case(testDescription: "there", details: details(.java, "17.0.2"), inventory: whole),
    Case(
      testDescription: "not there, and why",
      details: details(.java, "17"),
      inventory: AgentInventory(
        distributions: ["python-community"], missing: ["java-community": "the registry could not be reached"]),
      code: .noAvailableAgent,
      mentions: ["java-community", "the registry could not be reached", "There are: python-community."]),
    Case(
      testDescription: "not there, nobody knows why", details: details(.java, "17"),
      inventory: AgentInventory(distributions: []), code: .noAvailableAgent,
      mentions: ["the image of this release does not have them", "There is no other."]),
    Case(testDescription: "a version that is there", details: details(.php, "8.2.7"), inventory: whole),
    Case(
      testDescription: "a version that is not there", details: details(.php, "8.4.1"), inventory: whole,
      code: .noAvailableAgent, mentions: ["RUNTIME_VERSION_MAJOR_MINOR 8.4", "There are files for: 8.2, 8.3."]),
    Case(
      testDescription: "a C library that is not there", details: details(.dotnet, "8.0", libc: "musl"),
      inventory: AgentInventory(
        distributions: ["dotnet-community"], variants: ["dotnet-community": ["glibc"]],
        missing: ["dotnet-community/musl": "its archive is cut off"]),
      code: .noAvailableAgent, mentions: ["LIBC_TYPE musl", "(its archive is cut off)", "glibc"]),
    Case(
      testDescription: "the C library that it is made for", details: details(.php, "8.2.7", libc: "glibc"),
      inventory: whole),
    Case(
      testDescription: "another C library than it is made for", details: details(.php, "8.2.7", libc: "musl"),
      inventory: whole, code: .noAvailableAgent, mentions: ["php-community is made for glibc", "musl"]),
    Case(
      testDescription: "a parameter that is not known comes first", details: details(.php, ""), inventory: whole,
      code: .missingDistroParameter),
  ]

  @Test(arguments: cases) func decides(_ item: Case) throws {
    var facts = AgentPolicyTests.facts([item.details])
    facts.inventory = item.inventory
    let verdict = try #require(AgentPolicy.decide(facts).containers.first)
    #expect(verdict.reason.code == item.code, "\(verdict.reason)")
    for text in item.mentions { #expect(verdict.reason.message.contains(text), "\(verdict.reason)") }
  }

  @Test func anAgentThatBecomesAvailableMakesOtherPods() {
    func verdict(_ inventory: AgentInventory) -> AgentVerdict {
      var facts = AgentPolicyTests.facts([Self.details(.java, "17")])
      facts.inventory = inventory
      return AgentPolicy.decide(facts)
    }
    #expect(verdict(.release).agentsMetaHash == "")
    #expect(verdict(Self.whole).agentsMetaHash != "")
    // But what is said of others means nothing to it.
    var more = Self.whole
    more.missing["ruby-community"] = "x"
    more.distributions.insert("nodejs-community")
    #expect(verdict(more).agentsMetaHash == verdict(Self.whole).agentsMetaHash)
  }

  @Test func reportsAreReadAsTheyAreWritten() throws {
    var inventory = Self.whole
    inventory.missing = ["ruby-community": "gems.example could not be \"reached\""]
    let report = AgentInventoryReport(
      inventory: inventory, versions: ["java-community": "2.23.0"], fingerprint: "0123456789abcdef")
    let text = String(decoding: report.json.serialized(), as: UTF8.self)
    #expect(AgentInventoryReport(parsing: text) == report)
    #expect(
      text.hasPrefix(#"{"fingerprint":"0123456789abcdef","loader":true,"distributions":{"java-community":{"version""#))
  }

  @Test(arguments: ["", "none", "[]", "{}", #"{"distributions":[]}"#, #"{"distributions":{"#])
  func whatIsNoReportIsNone(_ text: String) {
    #expect(AgentInventoryReport(parsing: text) == nil)
  }

  @Test func unknownNamesAndKindsAreLeftOut() throws {
    let text = #"{"distributions":{"cobol-community":{},"java-community":7},"loader":"yes","missing":{"x":1}}"#
    let report = try #require(AgentInventoryReport(parsing: text))
    #expect(report == AgentInventoryReport(inventory: AgentInventory(distributions: ["java-community"])))
  }

  @Test func saysNoMoreThanThereIs() throws {
    let report = AgentInventoryReport(inventory: Self.whole, versions: ["java-community": "2"])
    let limited = report.limited { $0 != "java" && $0 != "loader" }
    #expect(limited.inventory.distributions == ["php-community", "python-community"])
    #expect(limited.inventory.missing["java-community"] == "there is no directory java among the agent files")
    #expect(!limited.inventory.hasLoader && limited.versions.isEmpty)
    #expect(report.limited { _ in true } == report)
  }
}
