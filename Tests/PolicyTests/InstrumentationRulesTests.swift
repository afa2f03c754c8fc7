import JSON
import KubeObjects
import OdigosObjects
import Testing

@testable import Policy

@Suite struct InstrumentationRulesTests {
  static let workload = WorkloadReference(namespace: "shop", kind: .deployment, name: "web")

  static func rule(_ name: String, _ spec: JSONValue, namespace: String = "odigos-system") -> InstrumentationRuleFacts {
    var rule = InstrumentationRule(name: name, namespace: namespace)
    rule.json["spec"] = spec
    return InstrumentationRuleFacts(rule)
  }

  static let scopes: [(String, JSONValue, Bool)] = [
    ("nothing said", [:], true),
    ("empty lists", ["scopes": ["sources": [], "namespaces": [], "languages": []]], true),
    ("its namespace", ["scopes": ["namespaces": ["other", "shop"]]], true),
    ("another namespace", ["scopes": ["namespaces": ["other"]]], false),
    ("its language", ["scopes": ["languages": ["python"]]], true),
    ("every language", ["scopes": ["languages": ["*"]]], true),
    ("another language", ["scopes": ["languages": ["java", "go"]]], false),
    ("itself", ["scopes": ["sources": [["namespace": "shop", "kind": "deployment", "name": "web"]]]], true),
    ("another kind", ["scopes": ["sources": [["namespace": "shop", "kind": "DaemonSet", "name": "web"]]]], false),
    (
      "its namespace as source", ["scopes": ["sources": [["namespace": "shop", "kind": "Namespace", "name": "shop"]]]],
      true
    ),
    (
      "lists are AND-ed",
      ["scopes": ["namespaces": ["shop"], "languages": ["java"]]], false
    ),
    ("older: null is all", ["workloads": .null], true),
    ("older: empty is none", ["workloads": []], false),
    ("older: itself", ["workloads": [["namespace": "shop", "kind": "Deployment", "name": "web"]]], true),
    ("older: another", ["workloads": [["namespace": "shop", "kind": "Deployment", "name": "api"]]], false),
    ("disabled", ["disabled": true], false),
  ]

  @Test(arguments: scopes) func scopesSelect(_ title: String, _ spec: JSONValue, _ expected: Bool) {
    #expect(Self.rule("r", spec).applies(to: Self.workload, language: .python) == expected)
  }

  static func merge(_ specs: [JSONValue], _ language: ProgrammingLanguage = .python) -> MergedRules {
    let rules = specs.enumerated().map { rule("r\($0.offset)", $0.element) }
    return InstrumentationRules.merge(rules, workload: workload, language: language)
  }

  struct Case: Sendable, CustomTestStringConvertible {
    var title: String
    var rules: [JSONValue]
    var language = ProgrammingLanguage.python
    var traces: JSONValue
    var testDescription: String { title }
  }

  static let cases: [Case] = [
    Case(title: "no rule", rules: [], traces: [:]),
    Case(
      title: "the smaller length and the stricter policy",
      rules: [
        ["payloadCollection": ["dbQuery": ["maxPayloadLength": 200, "sanitizationPolicy": "full"]]],
        ["payloadCollection": ["dbQuery": ["maxPayloadLength": 100, "sanitizationPolicy": "sanitized-or-full"]]],
        ["payloadCollection": ["dbQuery": ["dropPartialPayloads": true], "messaging": [:]]],
      ],
      traces: [
        "payloadCollection": [
          "dbQuery": [
            "maxPayloadLength": 100, "dropPartialPayloads": true, "sanitizationPolicy": "sanitized-or-full",
          ], "messaging": [:],
        ]
      ]),
    Case(
      title: "types are united",
      rules: [
        ["payloadCollection": ["httpRequest": ["mimeTypes": ["a/b"], "dropPartialPayloads": false]]],
        ["payloadCollection": ["httpRequest": ["mimeTypes": ["c/d", "a/b"]]]],
      ],
      traces: ["payloadCollection": ["httpRequest": ["mimeTypes": ["a/b", "c/d"], "dropPartialPayloads": false]]]),
    Case(
      title: "truth values are OR-ed",
      rules: [
        ["codeAttributes": ["column": true, "filePath": false]],
        ["codeAttributes": ["column": false, "function": true]],
      ], traces: ["codeAttributes": ["column": true, "function": true]]),
    Case(
      title: "header keys are united",
      rules: [["headersCollection": ["headerKeys": ["a"]]], ["headersCollection": ["headerKeys": ["b", "a"]]]],
      traces: ["headersCollection": ["headerKeys": ["a", "b"]]]),
    Case(
      title: "the smaller fraction; unset is all",
      rules: [
        ["headSamplingFallbackFraction": [:]], ["headSamplingFallbackFraction": ["fractionToKeep": .number("0.25")]],
        ["headSamplingFallbackFraction": ["fractionToKeep": .number("0.5")]],
      ], traces: ["headSampling": ["fallbackFraction": .number("0.25")]]),
    Case(
      title: "disabled libraries stay disabled; other languages do not count",
      rules: [
        [
          "traceVerbosity": [
            "disabledLibraries": [
              ["Language": "python", "libraryName": "flask"], ["Language": "java", "libraryName": "spring"],
            ]
          ]
        ],
        [
          "traceVerbosity": [
            "enabledLibraries": [
              ["Language": "*", "libraryName": "flask"], ["Language": "python", "libraryName": "redis"],
            ]
          ]
        ],
      ],
      traces: [
        "traceVerbosity": [
          "disabledLibraries": [["Language": "python", "libraryName": "flask"]],
          "enabledLibraries": [["Language": "python", "libraryName": "redis"]],
        ]
      ]),
    Case(
      title: "custom instrumentations of the language are united",
      rules: [
        [
          "customInstrumentations": [
            "java": [["className": "A", "methodName": "m"]], "golang": [["packageName": "p"]],
          ]
        ],
        ["customInstrumentations": ["java": [["className": "A", "methodName": "m"], ["className": "B"]]]],
      ], language: .java,
      traces: ["customInstrumentations": ["java": [["className": "A", "methodName": "m"], ["className": "B"]]]]),
  ]

  @Test(arguments: cases) func merges(_ item: Case) {
    #expect(Self.merge(item.rules, item.language).traces(OdigosConfiguration()) == item.traces)
    // Rules have no order but that of their names.
    let rules = item.rules.enumerated().map { Self.rule("r\($0.offset)", $0.element) }
    let shuffled = InstrumentationRules.merge(rules.reversed(), workload: Self.workload, language: item.language)
    #expect(shuffled == Self.merge(item.rules, item.language))
  }

  @Test func logLevelsMetricsAndLogs() {
    let merged = Self.merge([
      ["agentDiagnostics": ["odigosLogLevel": "warn", "openTelemetryComponentsLogLevel": "error"]],
      ["agentDiagnostics": ["odigosLogLevel": "debug"], "networkMetrics": [:], "ebpfLogCapture": ["enabled": true]],
    ])
    #expect(
      merged.agentDiagnostics == ["odigosLogLevel": "debug", "openTelemetryComponentsLogLevel": "error"])
    #expect(merged.metrics(OdigosConfiguration()) == ["networkMetrics": [:]])
    #expect(merged.logs == ["ebpfLogCapture": ["enabled": true]])
    #expect(Self.merge([]).agentDiagnostics == nil)
  }

  @Test func settingsOfTheConfigurationTravelAlong() throws {
    let configuration = OdigosConfiguration.parse([
      "traceIdSuffix": "0f", "sampling": ["dryRun": true],
      "metricsSources": [
        "spanMetrics": ["interval": "30s", "explicitHistogramBuckets": ["10ms", "1s"], "additionalDimensions": ["a"]],
        "agentMetrics": ["spanMetrics": ["enabled": true], "runtimeMetrics": ["java": ["disabled": true]]],
      ],
    ]).configuration
    let merged = Self.merge([["headSamplingFallbackFraction": [:]]], .java)
    #expect(merged.traces(configuration).at("idGenerator", "timedWall", "sourceId") == 15)
    #expect(merged.traces(configuration)["headSampling"] == ["fallbackFraction": 1, "dryRun": true])
    #expect(
      merged.metrics(configuration) == [
        "spanMetrics": ["intervalMs": 30_000, "dimensions": ["a"], "histogramBucketsMs": [10, 1000]],
        "runtimeMetrics": ["java": ["disabled": true]],
      ])
  }

  @Test func olderAgentsAreToldByLanguageAndLibrary() {
    let merged = Self.merge([
      ["codeAttributes": ["function": true], "headSamplingFallbackFraction": ["fractionToKeep": 0]],
      [
        "instrumentationLibraries": [
          ["name": "flask", "language": "python", "spanKind": "server"], ["name": "spring", "language": "java"],
        ], "traceConfig": ["disabled": true], "payloadCollection": ["httpRequest": ["maxPayloadLength": 5]],
      ],
    ])
    #expect(merged.tracesDisabledBy.isEmpty, "only the library loses its traces")
    #expect(
      merged.sdkConfig == [
        "language": "python", "codeAttributes": ["function": true], "headSamplerConfig": ["fallbackFraction": 0],
        "instrumentationLibraryConfigs": [
          [
            "libraryId": ["libraryName": "flask", "spanKind": "server"], "traceConfig": ["enabled": false],
            "payloadCollection": ["httpRequest": ["maxPayloadLength": 5]],
          ]
        ],
      ])
    #expect(Self.merge([]).sdkConfig == nil)
  }

  // MARK: - In decisions

  private func decide(
    _ specs: [JSONValue], collector: Set<CollectedSignal> = [.traces],
    change: (inout AgentFacts) -> Void = { _ in }
  ) -> AgentVerdict {
    var facts = AgentPolicyTests.facts([AgentPolicyTests.python()], collector: .ready(collector))
    facts.rules = specs.enumerated().map { Self.rule("r\($0.offset)", $0.element) }
    change(&facts)
    return AgentPolicy.decide(facts)
  }

  @Test func tracesThatARuleTurnsOffAreNotSent() {
    let off: JSONValue = ["traceConfig": ["disabled": true]]
    let nothing = decide([off])
    #expect(nothing.reason.code == .noCollectedSignals && nothing.reason.message.contains("r0"))
    let metrics = decide([off], collector: [.traces, .metrics])
    #expect(metrics.containers.first?.signals == [.metrics] && metrics.containers.first?.traces == nil)
    #expect(metrics.agentsMetaHash != decide([], collector: [.traces, .metrics]).agentsMetaHash)
  }

  @Test func whatAgentsCanBeToldWhileTheyRunRestartsNothing() {
    let told = decide([["headersCollection": ["headerKeys": ["x"]], "agentDiagnostics": ["odigosLogLevel": "debug"]]])
    #expect(told.agentsMetaHash == decide([]).agentsMetaHash)
    #expect(told.containers.first?.json.at("traces", "headersCollection", "headerKeys") == ["x"])
    #expect(told.containers.first.flatMap { ContainerVerdict(json: $0.json) } == told.containers.first)
    #expect(told.sdkConfigs == [])
  }

  @Test func aRuleChoosesTheDistributionUnlessAnOverrideDoes() {
    let wish: JSONValue = ["otelDistros": ["otelDistroNames": ["java-community", "python-community", "no-such"]]]
    #expect(Self.merge([wish]).distribution?.name == "python-community")
    #expect(Self.merge([wish], .ruby).distribution == nil)
    #expect(decide([wish]).containers.first?.distributionName == "python-community")
    let overridden = decide([wish]) { facts in
      facts.selection.containerOverrides = [ContainerOverrideFacts(containerName: "app", distributionName: "nope")]
    }
    #expect(overridden.reason.code == .noAvailableAgent, "the override's own word counts, also where it is wrong")
  }

  static let remarks: [(String, JSONValue, String?)] = [
    ("python-community", [:], nil),
    (
      "python-community",
      [
        "headersCollection": ["headerKeys": ["a"]], "payloadCollection": ["httpRequest": [:], "dbQuery": [:]],
        "codeAttributes": ["column": true], "headSamplingFallbackFraction": [:],
        "agentDiagnostics": ["odigosLogLevel": "warn"],
        "traceVerbosity": ["disabledLibraries": [["Language": "*", "libraryName": "flask"]]],
      ], nil
    ),
    (
      "python-community", ["payloadCollection": ["messaging": [:], "httpResponse": [:]]],
      "InstrumentationRules ask for what python-community does not carry out: payloadCollection.messaging."
    ),
    (
      "java-community",
      [
        "headersCollection": ["headerKeys": ["a"]], "agentDiagnostics": ["odigosLogLevel": "warn"],
        "headSamplingFallbackFraction": [:],
      ],
      "InstrumentationRules ask for what java-community does not carry out: headersCollection, "
        + "headSamplingFallbackFraction, agentDiagnostics."
    ),
    // What a rule says of another language asks nothing of this one.
    (
      "java-community",
      ["traceVerbosity": ["disabledLibraries": [["Language": "python", "libraryName": "flask"]]]], nil
    ),
  ]

  @Test(arguments: remarks) func whatADistributionDoesNotCarryOutIsNamed(
    _ name: String, _ spec: JSONValue, _ expected: String?
  ) throws {
    let distribution = try #require(Distributions.named(name))
    #expect(Self.merge([spec], distribution.language).remark(on: distribution) == expected)
  }
}
