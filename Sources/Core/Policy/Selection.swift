/// Who is instrumented.
public enum Selection {
  /// Namespaces that are never instrumented, whatever anybody says: the cluster would not survive a mistake there.
  public static let systemNamespaces: Set<String> = ["kube-system", "kube-public", "kube-node-lease"]

  /// Decides whether a workload is instrumented: a Source of the workload, else its label, else the Source of its
  /// namespace, else the namespace's label.
  ///
  /// - Parameters:
  ///   - workload: the workload.
  ///   - workloadLabels: the labels of the workload object.
  ///   - namespaceLabels: the labels of its namespace.
  ///   - sources: every Source that there is.
  ///   - ownNamespace: where the system itself runs; nothing there is ever instrumented.
  public static func decide(
    workload: WorkloadReference, workloadLabels: [String: String], namespaceLabels: [String: String],
    sources: SourceIndex, ownNamespace: String
  ) -> SelectionVerdict {
    if systemNamespaces.contains(workload.namespace) || workload.namespace == ownNamespace {
      return SelectionVerdict(
        outcome: .leave, workload: workload,
        reason: Reason(
          .ignoredNamespace, "Workloads of the system namespace \(workload.namespace) are never instrumented."))
    }
    let workloadSource: SourceFacts?
    switch self.workloadSource(of: workload, in: sources) {
    case .success(let source): workloadSource = source
    case .failure(let conflict):
      return SelectionVerdict(outcome: .undecided, workload: workload, reason: conflict.reason)
    }
    let namespaceSources = sources.namespaceSources(of: workload)
    if namespaceSources.count > 1 {
      return SelectionVerdict(
        outcome: .undecided, workload: workload,
        reason: conflict(namespaceSources, about: "namespace \(workload.namespace)"))
    }
    let (outcome, reason) = decide(
      workload, workloadSource, namespaceSources.first, workloadLabels[OdigosLabel.instrumentation],
      namespaceLabels[OdigosLabel.instrumentation])
    guard outcome == .instrument else { return SelectionVerdict(outcome: outcome, workload: workload, reason: reason) }
    var verdict = SelectionVerdict(outcome: .instrument, workload: workload, reason: reason)
    verdict.serviceName = workloadSource?.serviceName ?? workload.name
    verdict.containerOverrides = workloadSource?.containerOverrides ?? []
    verdict.isNamedBySource = workloadSource?.matchesByExpression == false
    let namespaceSource = namespaceSources.first.flatMap { $0.isDisabled ? nil : $0 }
    verdict.allowConcurrentAgents = workloadSource?.allowConcurrentAgents ?? namespaceSource?.allowConcurrentAgents
    verdict.dataStreams = dataStreams(namespaceSource, workloadSource)
    verdict.sourceNames = [workloadSource, namespaceSource].compactMap { $0?.name }
    return verdict
  }

  private static func decide(
    _ workload: WorkloadReference, _ workloadSource: SourceFacts?, _ namespaceSource: SourceFacts?,
    _ workloadLabel: String?, _ namespaceLabel: String?
  ) -> (SelectionVerdict.Outcome, Reason) {
    let label = OdigosLabel.instrumentation
    if let source = workloadSource {
      return source.isDisabled
        ? (.leave, Reason(.workloadSourceDisabled, "Source \(source.name) disables instrumentation of this workload."))
        : (.instrument, Reason(.workloadSource, "Source \(source.name) selects this workload."))
    }
    switch workloadLabel {
    case OdigosLabel.instrumentationEnabled:
      return (.instrument, Reason(.workloadLabel, "The workload's label \(label)=enabled selects it."))
    case OdigosLabel.instrumentationDisabled:
      return (.leave, Reason(.workloadLabelDisabled, "The workload's label \(label)=disabled opts it out."))
    default: break
    }
    if let source = namespaceSource, !source.isDisabled {
      return (
        .instrument, Reason(.namespaceSource, "Source \(source.name) selects the namespace \(workload.namespace).")
      )
    }
    if namespaceLabel == OdigosLabel.instrumentationEnabled {
      if let source = namespaceSource {
        let text = "Source \(source.name) disables the namespace \(workload.namespace), whatever its label says."
        return (.leave, Reason(.namespaceSourceDisabled, text))
      }
      let text = "The label \(label)=enabled of the namespace \(workload.namespace) selects it."
      return (.instrument, Reason(.namespaceLabel, text))
    }
    return (
      .leave, Reason(.noSource, "No Source and no label \(label)=enabled selects this workload or its namespace.")
    )
  }

  /// The one Source of the workload, by name or by expression. One of each is a conflict, as two of a kind are: the
  /// reference system refuses such a pair when the second is made, and so must not guess which one was meant.
  private static func workloadSource(
    of workload: WorkloadReference, in sources: SourceIndex
  ) -> Result<SourceFacts?, Conflict> {
    var matching = sources.exactSources(of: workload)
    var broken: Reason?
    for candidate in sources.expressionSources(of: workload) {
      switch candidate.expression {
      case .success(let expression): if expression.matches(workload.name) { matching.append(candidate.source) }
      case .failure(let why): broken = broken ?? invalid(candidate.source, why)
      }
    }
    if matching.count > 1 { return .failure(Conflict(reason: conflict(matching, about: "workload \(workload.name)"))) }
    // An expression that cannot be read may have been meant for this workload, to opt it in or out. Only where
    // another Source speaks for it can that be left open.
    if let broken, matching.isEmpty { return .failure(Conflict(reason: broken)) }
    return .success(matching.first)
  }

  private static func invalid(_ source: SourceFacts, _ why: NameExpression.Invalid) -> Reason {
    let text = "The regular expression \"\(source.workloadName)\" of Source \(source.name) is invalid: \(why)."
    return Reason(.invalidSource, text)
  }

  private struct Conflict: Error {
    var reason: Reason
  }

  /// Why several Sources about one thing decide nothing.
  static func conflict(_ sources: [SourceFacts], about subject: String) -> Reason {
    let names = sources.map(\.name).sorted().joined(separator: ", ")
    return Reason(.conflictingSources, "More than one Source is about the \(subject): \(names). Keep one of them.")
  }

  /// The streams of both Sources; the workload's word counts more. Without any, the stream named default.
  private static func dataStreams(_ namespaceSource: SourceFacts?, _ workloadSource: SourceFacts?) -> [String] {
    let streams = (namespaceSource?.dataStreams ?? [:]).merging(workloadSource?.dataStreams ?? [:]) { $1 }
    let names = streams.filter(\.value).keys.sorted()
    return names.isEmpty && streams.isEmpty ? [SelectionVerdict.defaultDataStream] : names
  }
}

/// Whether a workload is instrumented, why, and what its Sources say about it.
public struct SelectionVerdict: Sendable, Hashable {
  /// What to do with the workload.
  public enum Outcome: Sendable, Hashable {
    /// Instrument it.
    case instrument
    /// Do not instrument it; undo it if it was.
    case leave
    /// Contradictory or invalid Sources: change nothing until they are repaired.
    case undecided
  }

  /// The stream of workloads for which no Source names one.
  public static let defaultDataStream = "default"

  /// What to do.
  public var outcome: Outcome
  /// The workload.
  public var workload: WorkloadReference
  /// Why.
  public var reason: Reason
  /// The name of the service that the workload's telemetry carries.
  public var serviceName: String
  /// The names of the data streams that the workload belongs to, sorted.
  public var dataStreams: [String] = []
  /// What the workload's Source says about containers.
  public var containerOverrides: [ContainerOverrideFacts] = []
  /// Whether a Source names the workload itself, and so speaks for it also while it does not exist.
  public var isNamedBySource = false
  /// Whether the Sources let agents of others run beside ours; nil where they do not say.
  public var allowConcurrentAgents: Bool?
  /// The names of the Sources that took part.
  public var sourceNames: [String] = []

  init(outcome: Outcome, workload: WorkloadReference, reason: Reason) {
    self.outcome = outcome
    self.workload = workload
    self.reason = reason
    serviceName = workload.name
  }

  /// Whether the workload is to be instrumented.
  public var isInstrumented: Bool { outcome == .instrument }
}
