import JSON
import Testing

@testable import Policy

@Suite struct DocumentationTests {
  @Test(arguments: ReasonCode.allCases) func everyReasonIsDocumented(_ code: ReasonCode) throws {
    let entry = try #require(code.documentation, "ReasonDocumentation.swift lacks \(code.rawValue)")
    #expect(entry.meaning.hasSuffix(".") && entry.advice.hasSuffix("."))
    #expect(!entry.meaning.contains("|") && !entry.advice.contains("|"))
  }

  @Test func theListOfReasonsIsWhatTheCodeKnows() throws {
    try DocumentFile("reasons.md").expect(ReasonDocumentation.markdown)
  }

  /// What other components say: the words of their vocabularies, and none else.
  @Test(arguments: [
    ("Sources/Core/CollectorConfig/Vocabulary.swift", "public enum ConditionReason"),
    ("Sources/Core/OpAMP/AgentVerdict.swift", "public enum AgentState"),
    ("Sources/Components/Odiglet/Vocabulary.swift", "public enum RuntimeDetectionCondition"),
    ("Sources/Components/Scheduler/Vocabulary.swift", "enum ConfigurationEvent"),
    ("Sources/Components/Autoscaler/Vocabulary.swift", "enum AutoscalerEvent"),
  ]) func theListOfReasonsHasEveryWord(_ path: String, _ name: String) throws {
    let text = try DocumentFile("../\(path)").read()
    let start = try #require(text.firstRange(of: "\n\(name) {")?.upperBound)
    let end = try #require(text[start...].firstRange(of: "\n}")?.lowerBound)
    let words = text[start..<end].matches(of: /static let \w+ = "(\w+)"/).map { String($0.output.1) }
    #expect(!words.isEmpty)
    let condition = "RuntimeDetection"
    let documented = StateDocumentation.all.flatMap(\.codes).map(\.code)
    for word in words where word != condition { #expect(documented.contains(word), "\(word) of \(path)") }
  }

  @Test func theOperatorsGuideListsEveryKey() throws {
    try DocumentFile("operating.md").expect(
      "\n" + ConfigurationKey.markdown(OdigosConfiguration.keys) + "\n", between: "configuration keys")
  }

  @Test func theOperatorsGuideSaysWhatTheNodeAgentNeeds() throws {
    try DocumentFile("operating.md").expect("\n" + NodeFeature.markdown + "\n", between: "node features")
  }

  @Test func keysAreUnique() {
    let keys = OdigosConfiguration.keys
    #expect(Set(keys.map(\.path)).count == keys.count)
    #expect(Set(keys.map(\.propertyName)).count == keys.count)
    #expect(keys.count > 100)
  }

  /// A value that a key takes, other than its default.
  static func sample(_ key: ConfigurationKey) -> JSONValue {
    switch key.form {
    case .bool: .bool(key.defaultValue != true)
    case .integer(let range): .int(range.upperBound)
    case .text: "x"
    case .duration: "7s"
    case .choice(let words): .string(words.last { .string($0) != key.defaultValue } ?? "")
    case .list: ["7s"]
    case .map: ["a": "b"]
    case .structure: key.path == "traceIdSuffix" ? "0f" : key.path.hasSuffix("metrics") ? [["name": "m"]] : ["a": 1]
    }
  }

  @Test(arguments: OdigosConfiguration.keys) func everyKeyIsReadAndWritten(_ key: ConfigurationKey) throws {
    let path = key.path.split(separator: ".").map(String.init)
    var json: JSONValue = [:]
    json.set(path, Self.sample(key))
    let (configuration, problems) = OdigosConfiguration.parse(json)
    #expect(!problems.contains { $0.severity == .error || $0.message.contains("unknown") }, "\(problems)")
    #expect(problems.contains { $0.message.contains("no effect yet") } == !key.hasEffect, "\(problems)")
    #expect(configuration != OdigosConfiguration(), "\(key.path) is read")
    let written = configuration.json
    #expect(OdigosConfiguration.parse(written).configuration == configuration)
    let value = try #require(written.at(path))
    switch key.form {
    case .list: #expect(value.array?.contains("7s") == true)
    case .structure where key.path.hasSuffix("metrics"): #expect(value.array?.first?["name"] == "m")
    default: #expect(value == Self.sample(key))
    }
  }

  @Test(arguments: OdigosConfiguration.keys) func everyWrongValueCostsOnlyItself(_ key: ConfigurationKey) {
    if case .structure = key.form, key.path.hasSuffix("exporter") { return }
    let path = key.path.split(separator: ".").map(String.init)
    var json: JSONValue = ["clusterName": "here"]
    if key.path == "clusterName" { json = ["imagePrefix": "here"] }
    json.set(path, .number("0.5"))
    let (configuration, problems) = OdigosConfiguration.parse(json)
    let errors = problems.filter { $0.severity == .error }
    #expect(errors.map(\.key) == [key.path])
    #expect(errors.first?.message.contains("expected") == true)
    #expect(configuration.clusterName == "here" || configuration.imagePrefix == "here")
  }
}
