import JSON

/// What InstrumentationRules say together.
public enum InstrumentationRules {
  /// Merges what the rules say about containers of that language in that workload.
  ///
  /// Rules count in the order of namespace and name. Truth values are OR-ed; of two lengths the smaller, of two
  /// sanitization policies the stricter, of two fractions the smaller, of two log levels the more verbose one counts;
  /// header keys, types, libraries and custom instrumentations are united; a library that one rule disables stays
  /// disabled; the first distribution for the language is chosen.
  public static func merge(
    _ rules: [InstrumentationRuleFacts], workload: WorkloadReference, language: ProgrammingLanguage
  ) -> MergedRules {
    var merged = MergedRules(language: language)
    for rule in rules.sorted(by: { $0.key < $1.key }) where rule.applies(to: workload, language: language) {
      merged.add(rule)
    }
    return merged
  }
}

/// How much an agent logs, the least first.
enum AgentLogLevel: String, Sendable, Hashable, CaseIterable, Comparable {
  case error, warn, info, debug

  static func < (left: Self, right: Self) -> Bool { left.verbosity < right.verbosity }
  private var verbosity: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}

/// What the rules of one container come to.
public struct MergedRules: Sendable, Hashable {
  /// What is said about one library alone (`instrumentationLibraries`, of the older generation).
  struct Library: Sendable, Hashable {
    var name: String
    var spanKind: String?
    var tracesDisabled = false
    var payloads = PayloadCollection(json: nil)
    var codeAttributes: Set<String> = []
  }

  /// A distribution that a rule asks for.
  public struct DistributionChoice: Sendable, Hashable {
    /// The name of the rule.
    public var rule: String
    /// The name of the distribution.
    public var name: String
  }

  /// The language of the container.
  public let language: ProgrammingLanguage
  /// The names of the rules that apply.
  public private(set) var ruleNames: [String] = []
  /// The distribution that a rule asks for.
  public private(set) var distribution: DistributionChoice?
  /// The names of the rules that turn traces off.
  public private(set) var tracesDisabledBy: [String] = []

  private var payloads = PayloadCollection(json: nil)
  private var codeAttributes: Set<String> = []
  private var headerKeys: [String] = []
  private var customInstrumentations: [JSONValue] = []
  private var fallbackFraction: JSONValue?
  private var disabledLibraries: [String] = []
  private var enabledLibraries: [String] = []
  private var networkMetrics: JSONValue?
  private var capturesLogs = false
  private var odigosLogLevel: AgentLogLevel?
  private var componentsLogLevel: AgentLogLevel?
  private(set) var libraries: [Library] = []

  init(language: ProgrammingLanguage) { self.language = language }

  // MARK: - Reading

  mutating func add(_ rule: InstrumentationRuleFacts) {
    let spec = rule.spec
    ruleNames.append(rule.key.name)
    let payloads = PayloadCollection(json: spec["payloadCollection"])
    let attributes = Self.trueMembers(spec["codeAttributes"])
    let disablesTraces = spec.at("traceConfig", "disabled")?.bool == true
    if let entries = spec["instrumentationLibraries"]?.array, !entries.isEmpty {
      for entry in entries where entry["language"]?.string == language.rawValue {
        add(entry, payloads, attributes, disablesTraces)
      }
    } else {
      self.payloads.merge(payloads)
      codeAttributes.formUnion(attributes)
      if disablesTraces { tracesDisabledBy.append(rule.key.name) }
    }
    addDistribution(spec, rule.key.name)
    headerKeys.appendMissing(spec.at("headersCollection", "headerKeys")?.array?.compactMap(\.string) ?? [])
    for entry in spec.at("customInstrumentations", customInstrumentationsKey ?? "")?.array ?? []
    where !customInstrumentations.contains(entry) { customInstrumentations.append(entry) }
    if let sampling = spec["headSamplingFallbackFraction"], sampling.object != nil {
      let fraction = sampling["fractionToKeep"] ?? 1
      fallbackFraction = either(fallbackFraction, fraction) { ($0.double ?? 1) <= ($1.double ?? 1) ? $0 : $1 }
    }
    disabledLibraries.appendMissing(libraryNames(spec.at("traceVerbosity", "disabledLibraries")))
    enabledLibraries.appendMissing(libraryNames(spec.at("traceVerbosity", "enabledLibraries")))
    if let wanted = spec["networkMetrics"], wanted.object != nil { networkMetrics = networkMetrics ?? wanted }
    capturesLogs = capturesLogs || spec.at("ebpfLogCapture", "enabled")?.bool == true
    let diagnostics = spec["agentDiagnostics"]
    odigosLogLevel = either(odigosLogLevel, Self.level(diagnostics?["odigosLogLevel"]), max)
    componentsLogLevel = either(
      componentsLogLevel, Self.level(diagnostics?["openTelemetryComponentsLogLevel"]), max)
  }

  private mutating func add(
    _ entry: JSONValue, _ payloads: PayloadCollection, _ attributes: Set<String>, _ disablesTraces: Bool
  ) {
    guard let name = entry["name"]?.string else { return }
    let spanKind = entry["spanKind"]?.string
    let index = libraries.firstIndex { $0.name == name && $0.spanKind == spanKind }
    var library = index.map { libraries[$0] } ?? Library(name: name, spanKind: spanKind)
    library.payloads.merge(payloads)
    library.codeAttributes.formUnion(attributes)
    library.tracesDisabled = library.tracesDisabled || disablesTraces
    if let index { libraries[index] = library } else { libraries.append(library) }
  }

  /// A name of no distribution, or of one for another language, chooses nothing.
  private mutating func addDistribution(_ spec: JSONValue, _ rule: String) {
    guard distribution == nil else { return }
    let names = spec.at("otelDistros", "otelDistroNames")?.array?.compactMap(\.string) ?? []
    guard let name = names.first(where: { Distributions.named($0)?.language == language }) else { return }
    distribution = DistributionChoice(rule: rule, name: name)
  }

  private static func level(_ value: JSONValue?) -> AgentLogLevel? {
    value?.string.flatMap(AgentLogLevel.init(rawValue:))
  }

  private static func trueMembers(_ value: JSONValue?) -> Set<String> {
    Set((value?.object ?? [:]).compactMap { $0.value.bool == true ? $0.key : nil })
  }

  private func libraryNames(_ entries: JSONValue?) -> [String] {
    (entries?.array ?? []).compactMap { entry in
      // The capital is how the schema spells it.
      let wanted = entry["Language"]?.string
      guard wanted == language.rawValue || wanted == ProgrammingLanguage.any.rawValue else { return nil }
      return entry["libraryName"]?.string
    }
  }

  /// The member of `customInstrumentations` for the language; nil where it has none.
  private var customInstrumentationsKey: String? {
    switch language {
    case .go: "golang"
    case .java: "java"
    case .cplusplus: "cpp"
    case .php: "php"
    default: nil
    }
  }

  // MARK: - Writing

  /// `traces` of a container's entry in the InstrumentationConfig.
  func traces(_ configuration: OdigosConfiguration) -> JSONValue {
    var value: JSONValue = [:]
    if let source = configuration.traceIdSource { value["idGenerator"] = ["timedWall": ["sourceId": .int(source)]] }
    if !headerKeys.isEmpty { value["headersCollection"] = ["headerKeys": .strings(headerKeys)] }
    value["headSampling"] = headSampling(configuration)
    if !payloads.isEmpty { value["payloadCollection"] = payloads.json }
    if !codeAttributes.isEmpty { value["codeAttributes"] = Self.flags(codeAttributes) }
    value["traceVerbosity"] = traceVerbosity
    if let key = customInstrumentationsKey, !customInstrumentations.isEmpty {
      value["customInstrumentations"] = .object([key: .array(customInstrumentations)])
    }
    return value
  }

  /// What the rules ask of agents that only some carry out.
  var parts: [RulePart] {
    var asked = Set(payloads.names.compactMap { RulePart(rawValue: "payloadCollection.\($0)") })
    let conditions: [(RulePart, Bool)] = [
      (.headersCollection, !headerKeys.isEmpty), (.codeAttributes, !codeAttributes.isEmpty),
      (.headSamplingFallbackFraction, fallbackFraction != nil),
      (.traceVerbosity, traceVerbosity != nil || libraries.contains(where: \.tracesDisabled)),
      (.customInstrumentations, !customInstrumentations.isEmpty), (.networkMetrics, networkMetrics != nil),
      (.ebpfLogCapture, capturesLogs), (.agentDiagnostics, agentDiagnostics != nil),
      (.libraryPayload, libraries.contains { !$0.payloads.isEmpty }),
      (.libraryCodeAttributes, libraries.contains { !$0.codeAttributes.isEmpty }),
    ]
    asked.formUnion(conditions.filter(\.1).map(\.0))
    return RulePart.allCases.filter(asked.contains)
  }

  private func headSampling(_ configuration: OdigosConfiguration) -> JSONValue? {
    guard let fallbackFraction else { return nil }
    var value: JSONValue = ["fallbackFraction": fallbackFraction]
    if configuration.sampling.dryRun { value["dryRun"] = true }
    return value
  }

  private var traceVerbosity: JSONValue? {
    let enabled = enabledLibraries.filter { !disabledLibraries.contains($0) }
    var value: JSONValue = [:]
    for (key, names) in [("disabledLibraries", disabledLibraries), ("enabledLibraries", enabled)] where !names.isEmpty {
      value[key] = .array(names.map { ["Language": .string(language.rawValue), "libraryName": .string($0)] })
    }
    return value == [:] ? Optional.none : value
  }

  /// `metrics` of a container's entry.
  func metrics(_ configuration: OdigosConfiguration) -> JSONValue {
    var value: JSONValue = [:]
    let agents = configuration.metricsSources.agentMetrics
    if agents.spanMetrics.enabled { value["spanMetrics"] = configuration.metricsSources.spanMetrics.agentJSON }
    if language == .java, agents.runtimeMetrics.java != JavaRuntimeMetricsSettings() {
      value["runtimeMetrics"] = ["java": agents.runtimeMetrics.java.agentJSON]
    }
    value["networkMetrics"] = networkMetrics
    return value
  }

  /// `logs` of a container's entry.
  var logs: JSONValue { capturesLogs ? ["ebpfLogCapture": ["enabled": true]] : [:] }

  /// `agentDiagnostics` of a container's entry; nil where no rule asks for any.
  var agentDiagnostics: JSONValue? {
    var value: JSONValue = [:]
    value["odigosLogLevel"] = odigosLogLevel.map { .string($0.rawValue) }
    value["openTelemetryComponentsLogLevel"] = componentsLogLevel.map { .string($0.rawValue) }
    return value == [:] ? Optional.none : value
  }

  /// The entry of `spec.sdkConfigs`, where agents of the older generation look; nil where there is nothing to say.
  public var sdkConfig: JSONValue? {
    var value: JSONValue = [:]
    if !codeAttributes.isEmpty { value["codeAttributes"] = Self.flags(codeAttributes) }
    if !payloads.isEmpty { value["payloadCollection"] = payloads.json }
    if let fallbackFraction { value["headSamplerConfig"] = ["fallbackFraction": fallbackFraction] }
    if !libraries.isEmpty { value["instrumentationLibraryConfigs"] = .array(libraries.map(Self.libraryConfig)) }
    if value == [:] { return nil }
    value["language"] = .string(language.rawValue)
    return value
  }

  private static func libraryConfig(_ library: Library) -> JSONValue {
    var identity: JSONValue = ["libraryName": .string(library.name)]
    identity["spanKind"] = library.spanKind.map { .string($0) }
    var value: JSONValue = ["libraryId": identity]
    if library.tracesDisabled { value["traceConfig"] = ["enabled": false] }
    if !library.payloads.isEmpty { value["payloadCollection"] = library.payloads.json }
    if !library.codeAttributes.isEmpty { value["codeAttributes"] = flags(library.codeAttributes) }
    return value
  }

  private static func flags(_ names: Set<String>) -> JSONValue {
    var value: JSONValue = [:]
    for name in names.sorted() { value[name] = true }
    return value
  }
}
