import JSON

extension SourceAdmission {
  /// Whether a Source may be stored.
  ///
  /// - Parameters:
  ///   - source: as it would be stored.
  ///   - old: as it is stored; nil for a new one.
  ///   - namespace: where it is stored.
  ///   - ownNamespace: where the system runs.
  ///   - others: the Sources of the same namespace, itself left out.
  public static func validate(
    _ source: JSONValue, old: JSONValue?, namespace: String, ownNamespace: String, others: [SourceFacts]
  ) -> ObjectVerdict {
    var verdict = ObjectVerdict()
    // One that is being deleted must be able to lose its finalizers, whatever else is wrong with it.
    guard source.at("metadata", "deletionTimestamp") == nil else { return verdict }
    guard let target = Target(source, &verdict) else { return verdict }
    check(target, in: namespace, &verdict)
    if let old { checkUnchanged(source, old, &verdict) }
    checkLabels(source, &verdict)
    checkOverrides(source, &verdict)
    // Two that are there already can only be told apart by changing one of them.
    if old == nil { checkDuplicates(target, others, &verdict) }
    if Selection.systemNamespaces.contains(namespace) || namespace == ownNamespace {
      verdict.warnings.append("workloads of the system namespace \(namespace) are never instrumented")
    }
    return verdict
  }

  /// What a Source is about.
  private struct Target {
    var kind: String
    var name: String
    var namespace: String
    var isExpression: Bool
    var hasServiceName: Bool

    /// Nil, with problems, where something is missing.
    init?(_ source: JSONValue, _ verdict: inout ObjectVerdict) {
      let workload = source.at("spec", "workload")
      func text(_ field: String) -> String? { workload?[field]?.string.flatMap { $0.isEmpty ? nil : $0 } }
      for field in ["kind", "name", "namespace"] where text(field) == nil {
        verdict.refuse("spec.workload.\(field)", "it is missing; name the workload by kind, name and namespace")
      }
      guard let kind = text("kind"), let name = text("name"), let namespace = text("namespace") else { return nil }
      (self.kind, self.name, self.namespace) = (kind, name, namespace)
      isExpression = SourceAdmission.isExpression(source)
      hasServiceName = source.at("spec", "otelServiceName")?.string?.isEmpty == false
    }
  }

  private static func check(_ target: Target, in namespace: String, _ verdict: inout ObjectVerdict) {
    if target.namespace != namespace {
      verdict.refuse(
        "metadata.namespace",
        "the Source is in \(namespace) and its workload in \(target.namespace); create it in \(target.namespace)")
    }
    switch canonicalKind(target.kind) {
    case nil:
      let known = WorkloadKind.allCases.map(\.rawValue).joined(separator: ", ")
      verdict.refuse("spec.workload.kind", "\"\(target.kind)\" is unknown; use Namespace, \(known)")
    case let known? where known != target.kind:
      verdict.refuse("spec.workload.kind", "\"\(target.kind)\" must be written \(known)")
    case namespaceKind: checkNamespaceSource(target, &verdict)
    default: break
    }
    guard target.isExpression else { return }
    do throws(NameExpression.Invalid) { _ = try NameExpression(target.name) } catch {
      verdict.refuse("spec.workload.name", "the expression cannot be used: \(error)")
    }
  }

  private static func checkNamespaceSource(_ target: Target, _ verdict: inout ObjectVerdict) {
    if target.name != target.namespace {
      verdict.refuse(
        "spec.workload.name",
        "a Source of kind Namespace is about its own namespace; write \(target.namespace), not \(target.name)")
    }
    if target.hasServiceName {
      verdict.refuse(
        "spec.otelServiceName", "the workloads of a namespace cannot share one name; set it on a workload's Source")
    }
    if target.isExpression {
      verdict.refuse("spec.matchWorkloadNameAsRegex", "a Source of kind Namespace has no expression; leave it out")
    }
  }

  /// What a Source is about cannot change: what was done for the former workload would be forgotten.
  private static func checkUnchanged(_ source: JSONValue, _ old: JSONValue, _ verdict: inout ObjectVerdict) {
    for field in ["name", "namespace", "kind"] {
      let (before, after) = (old.at("spec", "workload", field), source.at("spec", "workload", field))
      // The spelling of a kind may be mended.
      let isSame =
        field == "kind"
        ? before?.string.flatMap(canonicalKind) == after?.string.flatMap(canonicalKind) : before == after
      if !isSame {
        verdict.refuse(
          "spec.workload.\(field)",
          "it cannot change (was \((before ?? .null).shown)); delete this Source and create another one")
      }
    }
    if isExpression(source) != isExpression(old) {
      verdict.refuse(
        "spec.matchWorkloadNameAsRegex", "it cannot change; delete this Source and create another one")
    }
  }

  private static func checkLabels(_ source: JSONValue, _ verdict: inout ObjectVerdict) {
    let labels = source.at("metadata", "labels")?.object ?? [:]
    let workload = source.at("spec", "workload") ?? [:]
    for (key, wanted) in SourceLabels.wanted(workload, isExpression: isExpression(source)) {
      let found = labels[key]?.string
      guard found != wanted else { continue }
      let fix = wanted.map { "it must be \"\($0)\", as in spec.workload" } ?? "remove it: this name has no such label"
      verdict.refuse("metadata.labels[\(key)]", found.map { "it is \"\($0)\"; \(fix)" } ?? fix)
    }
    checkStreams(labels, &verdict)
  }

  private static func checkStreams(_ labels: JSONObject, _ verdict: inout ObjectVerdict) {
    let prefix = OdigosLabel.dataStreamPrefix
    let streams = labels.filter { $0.key.hasPrefix(prefix) }
    for (key, value) in streams {
      if key == prefix { verdict.refuse("metadata.labels[\(key)]", "the stream's name is missing behind the dash") }
      if value != "true", value != "false" {
        verdict.refuse("metadata.labels[\(key)]", "it is \(value.shown); write \"true\" or \"false\"")
      }
    }
    if !streams.contains(where: { $0.value == "true" }) {
      let example = prefix + SelectionVerdict.defaultDataStream
      verdict.refuse(
        "metadata.labels", "no data stream is \"true\"; add \(example): \"true\" or that of another stream")
    }
  }

  private static func checkOverrides(_ source: JSONValue, _ verdict: inout ObjectVerdict) {
    let overrides = source.at("spec", "containerOverrides")?.array ?? []
    var names: Set<String> = []
    for (index, override) in overrides.enumerated() {
      let field = "spec.containerOverrides[\(index)]"
      if let name = override["containerName"]?.string, !name.isEmpty, !names.insert(name).inserted {
        verdict.refuse("\(field).containerName", "there is another override of container \(name); keep one of them")
      }
      if let distribution = override["otelDistroName"]?.string, !distribution.isEmpty,
        Distributions.named(distribution) == nil
      {
        verdict.warnings.append("\(field).otelDistroName: there is no distribution \(distribution) in this edition")
      }
    }
  }

  private static func checkDuplicates(
    _ target: Target, _ others: [SourceFacts], _ verdict: inout ObjectVerdict
  ) {
    let expression = target.isExpression ? try? NameExpression(target.name) : nil
    for other in others where !other.isBeingDeleted && other.namespace == target.namespace {
      let isSameKind =
        switch other.target {
        case .namespace: target.kind == namespaceKind
        case .workload(let kind): kind.rawValue == target.kind
        case .unknown: false
        }
      guard isSameKind else { continue }
      let collides =
        switch (target.isExpression, other.matchesByExpression) {
        case (false, false): other.workloadName == target.name
        case (true, false): expression?.matches(other.workloadName) == true
        case (false, true): (try? NameExpression(other.workloadName))?.matches(target.name) == true
        // Which workloads two expressions share is known only when there are some.
        case (true, true): false
        }
      if collides {
        verdict.refuse(
          "spec.workload",
          "Source \(other.name) is about \(other.matchesByExpression ? "all" : "the") \(target.kind) "
            + "\(other.workloadName) already; change or delete that one")
      }
    }
  }
}
