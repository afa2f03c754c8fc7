import JSON
import Policy
import Testing

/// Whether a rule has an effect, as far as it itself tells.
extension InstrumentationRulesTests {
  static let standings: [(JSONValue, ReasonCode, String)] = [
    (["headersCollection": ["headerKeys": ["a"]]], .ruleApplied, "everything"),
    (["disabled": true], .ruleDisabled, "disabled"),
    ([:], .ruleWithoutEffect, "payloadCollection"),
    (["workloads": [], "codeAttributes": [:]], .ruleWithoutEffect, "empty"),
    (["otelSdks": ["otelSdkByLanguage": [:]]], .ruleWithoutEffect, "says nothing"),
    (["otelDistros": ["otelDistroNames": ["x"]]], .invalidRule, "python-community"),
    (["payloadCollection": ["messaging": [:]]], .ruleWithoutEffect, "No agent carries out: payloadCollection.messag"),
    (["ebpfLogCapture": ["enabled": true], "networkMetrics": [:]], .ruleWithoutEffect, "networkMetrics, ebpfLog"),
    (
      ["payloadCollection": ["httpRequest": [:], "messaging": [:]]], .ruleApplied,
      "payloadCollection. No agent carries out: payloadCollection.messaging."
    ),
    (["ebpfLogCapture": ["enabled": true], "traceConfig": ["disabled": true]], .ruleApplied, "ebpfLogCapture."),
    (
      ["scopes": ["languages": ["java"]], "headersCollection": ["headerKeys": ["a"]]], .ruleWithoutEffect,
      "No agent for java carries out: headersCollection."
    ),
    (
      ["scopes": ["languages": ["java", "python"]], "headersCollection": ["headerKeys": ["a"]]], .ruleApplied,
      "java or python: headersCollection."
    ),
    (
      ["codeAttributes": ["column": true], "instrumentationLibraries": [["name": "a", "language": "java"]]],
      .ruleWithoutEffect, "codeAttributes of one library"
    ),
    (["scopes": ["sources": [["kind": "Thing", "name": "a", "namespace": "b"]]]], .invalidRule, "Deployment"),
  ]

  @Test(arguments: standings) func rulesSayWhetherTheyHaveAnEffect(
    _ spec: JSONValue, _ code: ReasonCode, _ mention: String
  ) {
    let standing = Self.rule("r", spec).standing
    #expect(standing.code == code && standing.message.contains(mention), "\(standing)")
  }
}
