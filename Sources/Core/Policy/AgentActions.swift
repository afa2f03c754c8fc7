import JSON
import KubeObjects
import OdigosObjects

/// What is needed to know of an Action that agents carry out: templates of URLs and new names of spans. All other
/// Actions are the collectors' business.
public struct AgentActionFacts: Sendable, Hashable {
  /// Its namespace and name, which also order Actions.
  public var key: ObjectKey
  /// `spec.urlTemplatization`.
  var urlTemplatization: JSONValue?
  /// `spec.spanRenamer`.
  var spanRenamer: JSONValue?

  /// Reads an Action; nil where it is disabled, not about traces, or nothing that agents do.
  public init?(_ action: Action) {
    let spec = action.json["spec"] ?? [:]
    let signals = spec["signals"]?.array?.compactMap(\.string) ?? []
    guard spec["disabled"]?.bool != true, action.metadata.deletionTimestamp == nil,
      signals.isEmpty || signals.contains(CollectedSignal.traces.rawValue)
    else { return nil }
    key = action.key
    urlTemplatization = spec["urlTemplatization"]
    spanRenamer = spec["spanRenamer"]
    if urlTemplatization == nil, spanRenamer == nil { return nil }
  }
}

/// What Actions tell the agent of one container.
public enum AgentActions {
  /// The members of `traces` of the container's entry: `urlTemplatization` and `spanRenamer`, where there are any.
  ///
  /// Actions count in the order of namespace and name. Templates, status codes and replacements are united, truth
  /// values OR-ed.
  public static func merge(
    _ actions: [AgentActionFacts], workload: WorkloadReference, language: ProgrammingLanguage
  ) -> JSONObject {
    let actions = actions.sorted { $0.key < $1.key }
    func inScope(_ list: String) -> [JSONValue] {
      actions.flatMap { $0.urlTemplatization?[list]?.array ?? [] }
        .filter { RuleScope(spec: $0).contains(workload, language) }
    }
    var result = JSONObject()
    result["urlTemplatization"] = urlTemplatization(inScope("rules"), inScope("default"))
    result["spanRenamer"] = spanRenamer(actions.compactMap(\.spanRenamer), language)
    return result
  }

  private static func urlTemplatization(_ rules: [JSONValue], _ defaults: [JSONValue]) -> JSONValue? {
    if rules.isEmpty, defaults.isEmpty { return nil }
    var templates: [String] = []
    for rule in rules { templates.appendMissing(rule["templates"]?.array?.compactMap(\.string) ?? []) }
    var value: JSONValue = ["templatizationRules": .strings(templates)]
    if defaults.isEmpty { return value }
    var codes: [Int] = []
    for policy in defaults.compactMap({ $0["skipPolicy"] }) {
      for code in policy["skipHttpStatusCodes"]?.array?.compactMap(\.int) ?? [] where !codes.contains(code) {
        codes.append(code)
      }
    }
    var standard: JSONValue = ["disabled": .bool(defaults.contains { $0["disabled"]?.bool == true })]
    let skipsFailures = defaults.contains { $0.at("skipPolicy", "skipForNonSuccessCodes")?.bool == true }
    if skipsFailures || !codes.isEmpty {
      standard["skipPolicy"] = [
        "skipForNonSuccessCodes": .bool(skipsFailures),
        "skipHttpStatusCodes": .array(codes.sorted().map { .int($0) }),
      ]
    }
    value["default"] = standard
    return value
  }

  private static func spanRenamer(_ renamers: [JSONValue], _ language: ProgrammingLanguage) -> JSONValue? {
    var scopes: [String] = []
    var replacements: [String: [JSONValue]] = [:]
    let languages = [language.rawValue, ProgrammingLanguage.any.rawValue]
    for renamer in renamers where languages.contains(renamer["programmingLanguage"]?.string ?? "") {
      guard let scope = renamer["scopeName"]?.string else { continue }
      scopes.appendMissing([scope])
      for entry in renamer["regexReplacements"]?.array ?? [] where replacements[scope]?.contains(entry) != true {
        replacements[scope, default: []].append(entry)
      }
    }
    if scopes.isEmpty { return nil }
    let rules = scopes.map { scope -> JSONValue in
      ["scopeName": .string(scope), "regexReplacements": .array(replacements[scope] ?? [])]
    }
    return ["scopeRules": .array(rules)]
  }
}
