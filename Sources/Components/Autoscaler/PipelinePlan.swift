import CollectorConfig
import JSON
import KubeObjects
import OdigosObjects
import Policy
import YAML

/// What should be in the cluster, decided from a snapshot alone.
struct PipelinePlan: Sendable, Equatable {
  /// The gateway, if it is wanted.
  var gateway: GroupPlan?
  /// The node collectors, if they are wanted.
  var nodes: GroupPlan?
  /// What became of each Destination.
  var destinations: [StatusPlan<Destination>] = []
  /// What became of each Processor.
  var processors: [StatusPlan<Processor>] = []

  /// What a snapshot asks for, on a server of Kubernetes of this version.
  static func make(
    _ snapshot: PipelineSnapshot, settings: AutoscalerSettings, kubernetes: (major: Int, minor: Int)
  ) -> PipelinePlan {
    guard let configuration = snapshot.configuration else { return waiting(snapshot) }
    let image = image(configuration, settings)
    let components = image.isOwn ? CollectorComponents.odigosCollector : .contrib
    let platform = CollectorPlatform(
      namespace: settings.namespace, version: settings.version, image: image,
      imagePullSecrets: configuration.imagePullSecrets, kubernetes: kubernetes)
    let gatewaySize = CollectorSize(snapshot.gatewayGroup?.spec.resourcesSettings, role: .gateway)
    let gateway = CollectorConfig.GatewayConfiguration.make(
      destinations: snapshot.destinations, processors: snapshot.processors, secrets: snapshot.secrets,
      settings: GatewaySettings(memoryLimiter: gatewaySize.limiter, components: components))

    var plan = PipelinePlan()
    if let group = snapshot.gatewayGroup, group.metadata.deletionTimestamp == nil {
      let objects = GatewayObjects.make(
        group: group, configuration: YAML.serialize(gateway.configuration.json), variables: gateway.variables,
        secrets: snapshot.secrets, platform: platform)
      plan.gateway = GroupPlan(
        group: group, objects: objects.all, signals: gateway.signals,
        readiness: CollectorReadiness(gateway: snapshot.gatewayDeployment, of: group),
        problems: snapshot.configurationNote)
    }
    var nodeProcessors: [String: ProcessorOutcome] = [:]
    if let group = snapshot.nodeGroup, group.metadata.deletionTimestamp == nil {
      var problems = snapshot.configurationNote
      let configuration = CollectorConfig.NodeCollectorConfiguration.make(
        signals: gateway.signals, processors: snapshot.processors,
        settings: NodeCollectorSettings(
          namespace: settings.namespace,
          memoryLimiter: CollectorSize(group.spec.resourcesSettings, role: .node).limiter,
          exporter: GatewayExporterSettings(group.spec, problems: &problems), components: components))
      let objects = NodeCollectorObjects.make(
        group: group, configuration: YAML.serialize(configuration.configuration.json), platform: platform)
      nodeProcessors = configuration.processors
      plan.nodes = GroupPlan(
        group: group, objects: objects.all, signals: configuration.receiverSignals,
        readiness: CollectorReadiness(nodes: snapshot.nodeDaemonSet, of: group), problems: problems)
    }
    plan.destinations = snapshot.destinations.compactMap { destination in
      gateway.destinations[destination.name].map { StatusPlan(destination, outcome: $0) }
    }
    plan.processors = snapshot.processors.compactMap { processor in
      StatusPlan(
        processor, outcomes: [gateway.processors[processor.name], nodeProcessors[processor.name]].compactMap { $0 })
    }
    return plan
  }

  /// While there is no configuration nothing is changed: defaults would give running collectors another image and size.
  private static func waiting(_ snapshot: PipelineSnapshot) -> PipelinePlan {
    let problem = snapshot.configurationProblem ?? "there is none"
    func group(_ group: CollectorsGroup?, _ readiness: (CollectorsGroup) -> CollectorReadiness) -> GroupPlan? {
      guard let group, group.metadata.deletionTimestamp == nil else { return nil }
      return GroupPlan(
        group: group, objects: [], signals: group.status.receiverSignals.compactMap { Signal(rawValue: $0) },
        readiness: readiness(group), waitsFor: "ConfigMap \(ObjectName.effectiveConfiguration): \(problem)")
    }
    var plan = PipelinePlan()
    plan.gateway = group(snapshot.gatewayGroup) { CollectorReadiness(gateway: snapshot.gatewayDeployment, of: $0) }
    plan.nodes = group(snapshot.nodeGroup) { CollectorReadiness(nodes: snapshot.nodeDaemonSet, of: $0) }
    return plan
  }

  private static func image(_ configuration: OdigosConfiguration, _ settings: AutoscalerSettings) -> CollectorImage {
    configuration.collectorImage.isEmpty
      ? CollectorImage(reference: settings.image, pullPolicy: settings.imagePullPolicy, isOwn: true)
      : CollectorImage(reference: configuration.collectorImage, isOwn: false)
  }
}

/// A CollectorsGroup with what belongs to it.
struct GroupPlan: Sendable, Equatable {
  var group: CollectorsGroup
  /// In the order in which they are applied.
  var objects: [DesiredObject]
  var signals: [Signal]
  var readiness: CollectorReadiness
  /// What of the group's specification had to be left out.
  var problems: [String] = []
  /// What keeps anything from being decided about it; nil when nothing does.
  var waitsFor: String?

  /// The status to write, nil when the present one says the same.
  ///
  /// Readiness is never taken back: agents are taken out of all workloads, by restarts, when the node collectors are
  /// not ready, which is worse than some lost telemetry.
  /// - Parameter failure: why not all objects could be applied.
  func status(failure: String?, now: String) -> JSONValue? {
    let current = group.status
    let condition =
      if let failure {
        Condition(
          type: ConditionType.deployed, status: .no, reason: ConditionReason.creationFailed, message: failure, now: now)
      } else if let waitsFor {
        Condition(
          type: ConditionType.deployed, status: .no, reason: ConditionReason.waitingForConfiguration, message: waitsFor,
          now: now)
      } else {
        Condition(
          type: ConditionType.deployed, status: .yes, reason: ConditionReason.created,
          message: ([readiness.message] + problems).joined(separator: "; "), now: now)
      }
    let ready = current.ready == true || (failure == nil && waitsFor == nil && readiness.isReady)
    let signals = signals.map(\.rawValue)
    if current.ready == ready, current.receiverSignals == signals, current.conditions.says(condition) { return nil }
    return [
      "ready": .bool(ready), "receiverSignals": .array(signals.map { .string($0) }),
      "conditions": [current.conditions.updated(condition)],
    ]
  }
}

extension PipelineSnapshot {
  /// What people should know of the configuration, for the conditions.
  fileprivate var configurationNote: [String] {
    configurationProblem.map { ["ConfigMap \(ObjectName.effectiveConfiguration): \($0)"] } ?? []
  }
}

/// A condition of an object.
struct StatusPlan<Resource: KubeResource>: Sendable, Equatable {
  var object: Resource
  var type: String
  var status: ConditionStatus
  var reason: String
  var message: String

  /// The condition to write, nil when the present ones say the same.
  func change(from current: [Condition], now: String) -> Condition? {
    let condition = Condition(type: type, status: status, reason: reason, message: message, now: now)
    return current.says(condition) ? nil : current.updated(condition)
  }
}

extension StatusPlan<Destination> {
  init(_ destination: Destination, outcome: DestinationOutcome) {
    object = destination
    type = ConditionType.destinationConfigured
    switch outcome {
    case .configured(let signals, let note):
      status = .yes
      reason = ConditionReason.transformedToConfig
      let names = signals.map(\.rawValue).joined(separator: ", ")
      message = "the gateway sends \(names)" + (note.map { "; \($0)" } ?? "")
    case .disabled:
      status = .no
      reason = ConditionReason.disabled
      message = "spec.disabled is true"
    case .failed(let problem):
      status = .no
      reason = ConditionReason.errConfigDestination
      message = problem.description
    }
  }
}

extension StatusPlan<Processor> {
  /// `outcomes` are those of the collectors with the processor's roles; nil when there is none yet.
  init?(_ processor: Processor, outcomes: [ProcessorOutcome]) {
    guard !outcomes.isEmpty else { return nil }
    object = processor
    type = ConditionType.addedToCollectorConfig
    if case .failed(let text)? = outcomes.first(where: { if case .failed = $0 { true } else { false } }) {
      status = .no
      reason = ConditionReason.errConfigProcessor
      message = text
    } else if outcomes.contains(.disabled) {
      status = .no
      reason = ConditionReason.configRemovedDisabled
      message = "spec.disabled is true"
    } else {
      status = .yes
      reason = ConditionReason.configUpdated
      message = "the collectors' configuration has it"
    }
  }
}

extension [Condition] {
  /// Whether this list already says what a condition says, whenever it began.
  func says(_ other: Condition) -> Bool {
    guard let own = condition(other.type ?? "") else { return false }
    return own.status == other.status && own.reason == other.reason && own.message == other.message
  }

  /// The condition with the time at which its status began, which is the present one's where that is the same.
  func updated(_ new: Condition) -> Condition {
    setting(new).condition(new.type ?? "") ?? new
  }

  fileprivate func updated(_ new: Condition) -> JSONValue {
    let condition: Condition = updated(new)
    return condition.json
  }
}
