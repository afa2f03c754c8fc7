import JSON
import OdigosObjects

/// What selection needs to know of one Source.
public struct SourceFacts: Sendable, Hashable {
  /// What a Source is about.
  public enum Target: Sendable, Hashable {
    /// A whole namespace.
    case namespace
    /// One workload, or with a regular expression all of the kind whose whole name matches.
    case workload(WorkloadKind)
    /// A kind that we do not know; such a Source selects nothing.
    case unknown(String)
  }

  /// The Source's own name.
  public var name: String
  /// The namespace of what it is about.
  public var namespace: String
  /// The kind of what it is about.
  public var target: Target
  /// The name, or the regular expression, of what it is about.
  public var workloadName: String
  /// Whether `workloadName` is a regular expression.
  public var matchesByExpression: Bool
  /// Whether it opts out.
  public var isDisabled: Bool
  /// Whether it is being deleted, and therefore counts as absent.
  public var isBeingDeleted: Bool
  /// The service name that it asks for.
  public var serviceName: String?
  /// Data streams that it adds (true) or takes away (false).
  public var dataStreams: [String: Bool]
  /// What it says about containers.
  public var containerOverrides: [ContainerOverrideFacts]
  /// Whether agents of others may run beside ours in its containers; nil where it does not say.
  public var allowConcurrentAgents: Bool?

  /// Makes the facts of a Source.
  public init(
    name: String, namespace: String, target: Target, workloadName: String, matchesByExpression: Bool = false,
    isDisabled: Bool = false, isBeingDeleted: Bool = false, serviceName: String? = nil,
    dataStreams: [String: Bool] = [:], containerOverrides: [ContainerOverrideFacts] = [],
    allowConcurrentAgents: Bool? = nil
  ) {
    self.name = name
    self.namespace = namespace
    self.target = target
    self.workloadName = workloadName
    self.matchesByExpression = matchesByExpression
    self.isDisabled = isDisabled
    self.isBeingDeleted = isBeingDeleted
    self.serviceName = serviceName
    self.dataStreams = dataStreams
    self.containerOverrides = containerOverrides
    self.allowConcurrentAgents = allowConcurrentAgents
  }

  /// Reads a Source object; nil when it names no workload.
  public init?(json: JSONValue) {
    guard let workload = json.at("spec", "workload"), let kind = workload["kind"]?.string,
      let workloadName = workload["name"]?.string, !workloadName.isEmpty
    else { return nil }
    let namespace = workload["namespace"]?.string ?? json.at("metadata", "namespace")?.string ?? ""
    let target: Target =
      if kind == "Namespace" { .namespace } else if let known = WorkloadKind(named: kind) { .workload(known) } else {
        .unknown(kind)
      }
    var streams: [String: Bool] = [:]
    for (key, value) in json.at("metadata", "labels")?.object ?? [:] where key.hasPrefix(OdigosLabel.dataStreamPrefix) {
      let stream = String(key.dropFirst(OdigosLabel.dataStreamPrefix.count))
      if !stream.isEmpty, let text = value.string { streams[stream] = text == "true" }
    }
    self.init(
      name: json.at("metadata", "name")?.string ?? "", namespace: namespace, target: target,
      workloadName: workloadName, matchesByExpression: json.at("spec", "matchWorkloadNameAsRegex")?.bool ?? false,
      isDisabled: json.at("spec", "disableInstrumentation")?.bool ?? false,
      isBeingDeleted: json.at("metadata", "deletionTimestamp")?.string != nil,
      serviceName: json.at("spec", "otelServiceName")?.string.flatMap { $0.isEmpty ? nil : $0 },
      dataStreams: streams,
      containerOverrides: json.at("spec", "containerOverrides")?.array?.compactMap(ContainerOverrideFacts.init) ?? [],
      allowConcurrentAgents: json.at("spec", "allowConcurrentAgents")?.bool)
  }
}

extension SourceFacts {
  /// Whether it is about that workload: by name, by an expression that matches, or by its namespace. One whose
  /// expression cannot be read may be meant for every workload of its kind there, and is.
  public func concerns(_ reference: WorkloadReference) -> Bool {
    guard namespace == reference.namespace else { return false }
    switch target {
    case .namespace: return workloadName == namespace
    case .unknown: return false
    case .workload(let kind):
      guard kind == reference.kind else { return false }
      guard matchesByExpression else { return workloadName == reference.name }
      return (try? NameExpression(workloadName))?.matches(reference.name) ?? true
    }
  }

  /// Reads a Source; nil when it names no workload.
  public init?(_ source: Source) { self.init(json: source.json) }
}
