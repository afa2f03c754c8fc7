/// Sources by what they are about, so that a decision looks only at those that can concern it: the ones that name its
/// workload, the ones with an expression for its kind in its namespace, and those of the namespace. How many others
/// there are makes no difference. Expressions are read here, once for each change of the Sources, and never during a
/// decision.
public struct SourceIndex: Sendable {
  /// A Source whose expression selects workloads, with the expression or why there is none.
  struct ExpressionSource: Sendable {
    var source: SourceFacts
    var expression: Result<NameExpression, NameExpression.Invalid>
  }
  private struct Place: Sendable, Hashable {
    var namespace: String
    var kind: WorkloadKind
  }
  private var exact: [WorkloadReference: [SourceFacts]] = [:]
  private var expressions: [Place: [ExpressionSource]] = [:]
  private var namespaces: [String: [SourceFacts]] = [:]

  /// Indexes Sources. Those under deletion are left out: they count as absent. So are those about a kind that we do
  /// not know, and those about a namespace under the name of another one.
  public init(_ sources: some Sequence<SourceFacts>) {
    for source in sources where !source.isBeingDeleted {
      switch source.target {
      case .namespace where source.workloadName == source.namespace:
        namespaces[source.namespace, default: []].append(source)
      case .workload(let kind) where source.matchesByExpression:
        let place = Place(namespace: source.namespace, kind: kind)
        let expression = Result { () throws(NameExpression.Invalid) in try NameExpression(source.workloadName) }
        expressions[place, default: []].append(ExpressionSource(source: source, expression: expression))
      case .workload(let kind):
        let workload = WorkloadReference(namespace: source.namespace, kind: kind, name: source.workloadName)
        exact[workload, default: []].append(source)
      case .namespace, .unknown: break
      }
    }
  }

  /// The Sources that name the workload.
  func exactSources(of workload: WorkloadReference) -> [SourceFacts] { exact[workload] ?? [] }

  /// The Sources whose expression might match the workload's name.
  func expressionSources(of workload: WorkloadReference) -> [ExpressionSource] {
    expressions[Place(namespace: workload.namespace, kind: workload.kind)] ?? []
  }

  /// The Sources of the workload's namespace as a whole.
  func namespaceSources(of workload: WorkloadReference) -> [SourceFacts] { namespaces[workload.namespace] ?? [] }

  /// How many Sources a decision about the workload looks at.
  func candidateCount(for workload: WorkloadReference) -> Int {
    exactSources(of: workload).count + expressionSources(of: workload).count + namespaceSources(of: workload).count
  }

  /// What comes of a Source, as far as Sources alone tell: the reason with which it selects or opts out, or why it
  /// does neither. Two expressions that match one workload are found only when there is such a workload.
  public func standing(of source: SourceFacts) -> Reason {
    switch source.target {
    case .unknown(let kind):
      let kinds = (WorkloadKind.allCases.map(\.rawValue) + ["Namespace"]).joined(separator: ", ")
      return Reason(.invalidSource, "There is no kind \(kind) that can be instrumented; there are: \(kinds).")
    case .namespace: return namespaceStanding(of: source)
    case .workload(let kind):
      let subject = "\(kind.rawValue) \(source.workloadName)"
      if source.matchesByExpression {
        do { _ = try NameExpression(source.workloadName) } catch {
          let text = "The regular expression \"\(source.workloadName)\" is invalid: \(error)."
          return Reason(.invalidSource, text)
        }
      } else {
        let workload = WorkloadReference(namespace: source.namespace, kind: kind, name: source.workloadName)
        let matching = expressionSources(of: workload).filter {
          (try? $0.expression.get())?.matches(workload.name) == true
        }
        let all = exactSources(of: workload) + matching.map(\.source)
        if all.count > 1 { return Selection.conflict(all, about: subject) }
      }
      return source.isDisabled
        ? Reason(.workloadSourceDisabled, "It opts \(subject) out.") : Reason(.workloadSource, "It selects \(subject).")
    }
  }

  private func namespaceStanding(of source: SourceFacts) -> Reason {
    guard source.workloadName == source.namespace else {
      let text = "It names the namespace \(source.workloadName) but lies in \(source.namespace); both must be the same."
      return Reason(.invalidSource, text)
    }
    let all = namespaces[source.namespace] ?? []
    if all.count > 1 { return Selection.conflict(all, about: "namespace \(source.namespace)") }
    return source.isDisabled
      ? Reason(.namespaceSourceDisabled, "It overrules the label of the namespace \(source.namespace).")
      : Reason(.namespaceSource, "It selects the namespace \(source.namespace).")
  }
}
