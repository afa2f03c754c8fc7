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
}
