import JSON
import KubeObjects
import OdigosObjects

/// What is needed to know of one InstrumentationRule.
public struct InstrumentationRuleFacts: Sendable, Hashable {
  /// Its namespace and name, which also order rules.
  public var key: ObjectKey
  /// Whether it is switched off.
  public var isDisabled: Bool
  /// What it is about.
  public var scope: RuleScope
  /// What it says; the keys that `InstrumentationRules` merges.
  public var spec: JSONValue

  /// Makes the facts of a rule.
  public init(key: ObjectKey, isDisabled: Bool = false, scope: RuleScope = RuleScope(), spec: JSONValue) {
    self.key = key
    self.isDisabled = isDisabled
    self.scope = scope
    self.spec = spec
  }

  /// Reads a rule. One that is being deleted counts as disabled.
  public init(_ rule: InstrumentationRule) {
    let spec = rule.json["spec"] ?? [:]
    self.init(
      key: rule.key, isDisabled: spec["disabled"]?.bool == true || rule.metadata.deletionTimestamp != nil,
      scope: RuleScope(spec: spec), spec: spec)
  }

  /// Whether it says something about containers of that language in that workload.
  public func applies(to workload: WorkloadReference, language: ProgrammingLanguage) -> Bool {
    !isDisabled && scope.contains(workload, language)
  }
}

extension InstrumentationRuleFacts {
  /// What a rule can say, by its keys.
  static let parts = [
    "payloadCollection", "otelDistros", "codeAttributes", "headersCollection", "traceConfig", "networkMetrics",
    "ebpfLogCapture", "customInstrumentations", "headSamplingFallbackFraction", "traceVerbosity", "agentDiagnostics",
  ]

  /// Whether the rule has an effect, as far as it itself tells.
  public var standing: Reason {
    if isDisabled { return Reason(.ruleDisabled, "The rule is disabled.") }
    let targets = scope.sources + (scope.workloads ?? [])
    if let unknown = targets.first(where: { $0.kind.lowercased() != "namespace" && WorkloadKind(named: $0.kind) == nil }
    ) {
      let kinds = WorkloadKind.allCases.map(\.rawValue).joined(separator: ", ")
      return Reason(.invalidRule, "Its scope has the kind \(unknown.kind), which there is not; there are: \(kinds).")
    }
    let names = spec.at("otelDistros", "otelDistroNames")?.array?.compactMap(\.string) ?? []
    if let unknown = names.first(where: { Distributions.named($0) == nil }) {
      let known = Distributions.all.map(\.name).joined(separator: ", ")
      return Reason(.invalidRule, "There is no distribution \(unknown); there are: \(known).")
    }
    if scope.workloads?.isEmpty == true {
      return Reason(
        .ruleWithoutEffect, "Its list of workloads is empty, which selects none; leave the list out for all.")
    }
    let said = Self.parts.filter { spec[$0] != nil }
    guard !said.isEmpty else {
      let text = "It says nothing that has an effect; it can have: \(Self.parts.joined(separator: ", "))."
      return Reason(.ruleWithoutEffect, text)
    }
    let applied = "It applies to \(scope): \(said.joined(separator: ", "))."
    let (asked, nobodys) = partsAsked
    guard !nobodys.isEmpty else { return Reason(.ruleApplied, applied) }
    let agent = scope.selectsEveryLanguage ? "No agent" : "No agent for \(scope.languages.joined(separator: " or "))"
    let remark = "\(agent) carries out: \(nobodys.map(\.rawValue).joined(separator: ", "))."
    let isAllOfIt = nobodys == asked && spec["otelDistros"] == nil && spec.at("traceConfig", "disabled")?.bool != true
    if isAllOfIt { return Reason(.ruleWithoutEffect, remark) }
    return Reason(.ruleApplied, "\(applied) \(remark)")
  }
}

/// What a rule is about. Lists are AND-ed, the entries of a list OR-ed; an empty list says nothing.
public struct RuleScope: Sendable, Hashable, CustomStringConvertible {
  /// A workload by kind, or with the kind `Namespace` all of a namespace.
  public struct Target: Sendable, Hashable {
    /// The namespace.
    public var namespace: String
    /// The kind, as written.
    public var kind: String
    /// The name.
    public var name: String

    /// Reads `{namespace, kind, name}`.
    init(json: JSONValue) {
      namespace = json["namespace"]?.string ?? ""
      kind = json["kind"]?.string ?? ""
      name = json["name"]?.string ?? ""
    }

    func contains(_ workload: WorkloadReference) -> Bool {
      if kind.lowercased() == "namespace" { return name == workload.namespace }
      return namespace == workload.namespace && name == workload.name && WorkloadKind(named: kind) == workload.kind
    }
  }

  /// `scopes.sources`.
  public var sources: [Target] = []
  /// `scopes.namespaces`.
  public var namespaces: [String] = []
  /// `scopes.languages`, as written.
  public var languages: [String] = []
  /// `workloads` of the older generation: nil for all, an empty list for none.
  public var workloads: [Target]?

  /// A scope of everything.
  public init() {}

  /// Reads `scopes` and `workloads` of a rule's spec.
  init(spec: JSONValue) {
    let scopes = spec["scopes"]
    sources = scopes?["sources"]?.array?.map(Target.init) ?? []
    namespaces = scopes?["namespaces"]?.array?.compactMap(\.string) ?? []
    languages = scopes?["languages"]?.array?.compactMap(\.string) ?? []
    workloads = spec["workloads"]?.array?.map(Target.init)
  }

  /// Whether the workload and the language are in it.
  func contains(_ workload: WorkloadReference, _ language: ProgrammingLanguage) -> Bool {
    if !sources.isEmpty, !sources.contains(where: { $0.contains(workload) }) { return false }
    if !namespaces.isEmpty, !namespaces.contains(workload.namespace) { return false }
    return selects(language) && workloads?.contains { $0.contains(workload) } ?? true
  }

  /// Whether it is about containers of every language.
  var selectsEveryLanguage: Bool { languages.isEmpty || languages.contains(ProgrammingLanguage.any.rawValue) }

  /// Whether it is about containers of that language.
  func selects(_ language: ProgrammingLanguage) -> Bool {
    selectsEveryLanguage || languages.contains(language.rawValue)
  }

  /// What it is about, in words.
  public var description: String {
    func words(_ targets: [Target]) -> String {
      targets.map { "\($0.kind) \($0.namespace)/\($0.name)" }.joined(separator: " or ")
    }
    var parts: [String] = []
    if !sources.isEmpty { parts.append(words(sources)) }
    if let workloads { parts.append(workloads.isEmpty ? "no workload" : words(workloads)) }
    if !namespaces.isEmpty { parts.append("namespace \(namespaces.joined(separator: " or "))") }
    if !languages.isEmpty { parts.append("containers in \(languages.joined(separator: " or "))") }
    return parts.isEmpty ? "everything" : parts.joined(separator: ", and in it to ")
  }
}
