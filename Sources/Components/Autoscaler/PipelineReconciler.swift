import CollectorConfig
import Concurrency
import JSON
import KubeClient
import KubeObjects
import KubeRuntime
import Logging
import OdigosObjects

/// Makes the cluster what the plan says, by server-side apply of what differs.
struct PipelineReconciler: Sendable {
  let client: KubeClient
  let view: ClusterView
  let events: EventRecorder
  let settings: AutoscalerSettings
  let kubernetes: (major: Int, minor: Int)
  let logger: Logger
  /// What was told of the configuration, so that it is told once.
  private let toldOfConfiguration = Locked<String?>(nil)

  init(
    client: KubeClient, view: ClusterView, events: EventRecorder, settings: AutoscalerSettings,
    kubernetes: (major: Int, minor: Int), logger: Logger
  ) {
    self.client = client
    self.view = view
    self.events = events
    self.settings = settings
    self.kubernetes = kubernetes
    self.logger = logger
  }

  /// One pass. What fails does not keep the rest from being done; the first failure is thrown in the end, so that the
  /// pass is repeated.
  func reconcile() async throws {
    let snapshot = view.snapshot()
    await tellOfConfiguration(snapshot)
    let plan = PipelinePlan.make(snapshot, settings: settings, kubernetes: kubernetes)
    var failures: [KubeError] = []
    for group in [plan.gateway, plan.nodes] {
      guard let group else { continue }
      await attempt(&failures) { () throws(KubeError) in try await apply(group) }
    }
    for destination in plan.destinations {
      await attempt(&failures) { () throws(KubeError) in
        try await publish(destination, present: destination.object.status.conditions)
      }
    }
    for processor in plan.processors {
      await attempt(&failures) { () throws(KubeError) in
        try await publish(processor, present: processor.object.status.conditions)
      }
    }
    if let first = failures.first { throw first }
  }

  private func tellOfConfiguration(_ snapshot: PipelineSnapshot) async {
    let problem = snapshot.configurationProblem
    let before = toldOfConfiguration.withLock { told in
      defer { told = problem }
      return told
    }
    guard problem != before else { return }
    guard let problem else { return logger.info("\(ObjectName.effectiveConfiguration) can be used again") }
    let level: Logger.Level = snapshot.configuration == nil && snapshot.effectiveConfiguration == nil ? .notice : .error
    logger.log(level: level, "the ConfigMap \(ObjectName.effectiveConfiguration) cannot be used as it is: \(problem)")
    guard let object = snapshot.effectiveConfiguration else { return }
    await events.record(
      object, warning: true, reason: AutoscalerEvent.configurationUnusable, message: problem)
  }

  private func attempt(_ failures: inout [KubeError], _ body: () async throws(KubeError) -> Void) async {
    do { try await body() } catch { failures.append(error) }
  }

  private func apply(_ plan: GroupPlan) async throws(KubeError) {
    var failure: KubeError?
    for object in plan.objects {
      do {
        try await apply(object)
      } catch {
        // Without its configuration the pods would run the old one under the new hash.
        failure = error
        break
      }
    }
    let message = failure.map { "cannot apply the objects of \(plan.group.name): \($0)" }
    if let status = plan.status(failure: message, now: KubeTime.now.text) {
      try await write(status, of: plan.group)
      if status["ready"]?.bool == true, plan.group.status.ready != true {
        logger.info("\(plan.group.name) is ready: \(plan.readiness.message)")
      }
    }
    if let failure { throw failure }
  }

  private func apply(_ object: DesiredObject) async throws(KubeError) {
    let live = view.live(object)
    // One that is being deleted cannot be brought back; its end is an event that leads here again.
    if live?.at("metadata", "deletionTimestamp") != nil { return }
    guard object.differs(from: live) else { return }
    _ = try await client.patch(
      object.object.type, object.key, .apply, object.object.json, fieldManager: AutoscalerName.manager, force: true)
    logger.info("applied \(object.object.type.kind) \(object.key)")
  }

  private func publish<Resource: KubeResource>(_ plan: StatusPlan<Resource>, present: [Condition])
    async throws(KubeError)
  {
    guard let condition = plan.change(from: present, now: KubeTime.now.text) else { return }
    try await write(["conditions": [condition.json]], of: plan.object)
    let isFailure =
      plan.reason == ConditionReason.errConfigDestination || plan.reason == ConditionReason.errConfigProcessor
    if isFailure {
      logger.warning("\(Resource.type.kind) \(plan.object.name): \(plan.message)")
    } else {
      logger.info("\(Resource.type.kind) \(plan.object.name): \(plan.message)")
    }
    await events.record(plan.object, warning: isFailure, reason: plan.reason, message: plan.message)
  }

  /// An object that was deleted meanwhile needs no status.
  private func write<Resource: KubeResource>(_ status: JSONValue, of object: Resource) async throws(KubeError) {
    var body = Resource(name: object.name, namespace: object.namespace)
    body.json["status"] = status
    do {
      try await client.apply(body, fieldManager: AutoscalerName.manager, subresource: .status)
    } catch {
      if !error.isNotFound { throw error }
    }
  }
}
