import Policy

/// Namespaces that are all alike, with ten Sources each: seven that name a Deployment, one with an expression for
/// Deployments, one with an expression for StatefulSets, one for the namespace.
struct Sample {
  static let sourcesPerNamespace = 10
  let index: SourceIndex
  let workloads: [WorkloadReference]

  init(namespaces: Int) {
    let names = (0..<namespaces).map { "namespace-\($0)" }
    index = SourceIndex(names.flatMap(Self.sources))
    workloads = names.flatMap(Self.workloads)
  }

  private static func sources(in namespace: String) -> [SourceFacts] {
    let named = (0..<7).map { number in
      SourceFacts(
        name: "source-\(number)", namespace: namespace, target: .workload(.deployment),
        workloadName: "service-\(number)",
        isDisabled: number == 6, dataStreams: ["stream-\(number % 2)": true])
    }
    return named + [
      SourceFacts(
        name: "batches", namespace: namespace, target: .workload(.deployment), workloadName: "batch-[a-z]+-[0-9]+",
        matchesByExpression: true),
      SourceFacts(
        name: "stores", namespace: namespace, target: .workload(.statefulSet), workloadName: "(redis|postgres)-.*",
        matchesByExpression: true),
      SourceFacts(name: "all", namespace: namespace, target: .namespace, workloadName: namespace),
    ]
  }

  private static func workloads(in namespace: String) -> [WorkloadReference] {
    let named = (0..<7).map { ("service-\($0)", WorkloadKind.deployment) }
    let others: [(String, WorkloadKind)] = [
      ("batch-report-12", .deployment), ("redis-cache", .statefulSet), ("frontend", .daemonSet),
    ]
    return (named + others).map { WorkloadReference(namespace: namespace, kind: $1, name: $0) }
  }

  /// Decides about each of these workloads; gives how many are instrumented.
  func decide(_ workloads: [WorkloadReference]) -> Int {
    var selected = 0
    for workload in workloads {
      let verdict = Selection.decide(
        workload: workload, workloadLabels: ["app": "x"], namespaceLabels: ["team": "y"], sources: index,
        ownNamespace: "odigos-system")
      if verdict.isInstrumented { selected += 1 }
    }
    return selected
  }

  /// The facts of one selected workload, for the decisions that follow.
  static func agentFacts() -> AgentFacts {
    let workload = WorkloadReference(namespace: "shop", kind: .deployment, name: "checkout-api")
    let source = SourceFacts(
      name: "checkout", namespace: "shop", target: .workload(.deployment), workloadName: "checkout-api")
    let selection = Selection.decide(
      workload: workload, workloadLabels: [:], namespaceLabels: [:], sources: SourceIndex([source]),
      ownNamespace: "odigos-system")
    return AgentFacts(
      selection: selection, containerNames: ["app", "proxy"],
      runtimeDetails: [
        RuntimeFacts(containerName: "app", language: .python, runtimeVersion: "3.11.2"),
        RuntimeFacts(containerName: "proxy", language: .cplusplus),
      ],
      nodeCollector: .ready([.traces]), configuration: OdigosConfiguration())
  }
}
