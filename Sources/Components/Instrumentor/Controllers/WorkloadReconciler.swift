import Concurrency
import JSON
import KubeClient
import KubeObjects
import KubeRuntime
import Logging
import OdigosObjects
import Policy

/// Brings one workload to what was decided for it: gathers the situation from the caches, plans, applies.
///
/// Pods are replaced only after a second look. Caches lag, each kind by its own watch: a workload whose rollout has
/// ended may still be seen with the pods of before. So whatever replaces pods is decided again from what the API server
/// itself says, the workload first and then its pods, and its patch is refused when the workload has changed since.
/// That happens to one workload at a time, so that no two of them take the last place in the queue.
struct WorkloadReconciler: Sendable {
  let client: KubeClient
  let caches: InstrumentorCaches
  let indexes: InstrumentorIndexes
  let agents: ClusterAgents
  let namespace: String
  let events: EventRecorder
  let logger: Logger
  /// Whether the webhook of this process answers.
  let isWebhookServing: @Sendable () -> Bool
  /// What was told of workloads about which nothing can be decided, so that it is told once.
  private let undecided = Locked<[WorkloadReference: Reason]>([:])
  private let turn = AsyncLock()

  init(
    client: KubeClient, caches: InstrumentorCaches, indexes: InstrumentorIndexes, agents: ClusterAgents,
    namespace: String, events: EventRecorder, logger: Logger, isWebhookServing: @escaping @Sendable () -> Bool
  ) {
    self.client = client
    self.caches = caches
    self.indexes = indexes
    self.agents = agents
    self.namespace = namespace
    self.events = events
    self.logger = logger
    self.isWebhookServing = isWebhookServing
  }

  func reconcile(_ reference: WorkloadReference) async throws -> ReconcileResult {
    // Decisions by defaults would restart workloads when the configuration comes; its coming leads here again.
    guard indexes.lastGoodConfiguration().configuration != nil else { return .done }
    guard let cached = caches.workload(reference), cached.metadata.deletionTimestamp == nil else {
      // The InstrumentationConfig of a workload that is gone goes with its owner. One of a pod may have none.
      let key = ObjectKey(namespace: reference.namespace, name: reference.instrumentationConfigName)
      if reference.kind.isSinglePod, caches.instrumentationConfigs.get(key) != nil { try await forget(reference, key) }
      return .done
    }
    let situation = situation(indexes.latest(cached), pods: indexes.pods(of: reference))
    await tellUndecided(situation)
    let plan = WorkloadPlan.make(situation)
    let seconds = plan.replacesPods ? try await replacePods(reference) : try await perform(plan, situation)
    return seconds.map { .requeue(after: .seconds($0)) } ?? .done
  }

  /// Looks again at the API server's own objects and does what is to be done by these.
  private func replacePods(_ reference: WorkloadReference) async throws -> Int? {
    await turn.acquire()
    defer { turn.release() }
    let key = ObjectKey(namespace: reference.namespace, name: reference.name)
    guard let type = reference.kind.resourceType else { return nil }
    let workload: WorkloadObject
    do throws(KubeError) {
      workload = WorkloadObject(reference, try await client.get(type, key))
    } catch {
      if error.isNotFound { return nil }
      throw error
    }
    guard workload.metadata.deletionTimestamp == nil else { return nil }
    let pods = try await client.list(
      Pod.self, namespace: reference.namespace, ListOptions(labelSelector: workload.labelSelector))
    let own = pods.filter { WorkloadReference(ownerOf: $0) == reference }.compactMap { PodFacts($0) }
    let fresh = situation(workload, pods: own)
    return try await perform(WorkloadPlan.make(fresh), fresh)
  }

  // MARK: - The situation

  private func situation(_ workload: WorkloadObject, pods: [PodFacts]) -> WorkloadSituation {
    let reference = workload.reference
    let key = ObjectKey(namespace: reference.namespace, name: reference.instrumentationConfigName)
    let now = KubeTime.now
    let selection = select(workload)
    let configuration = indexes.configuration()
    return WorkloadSituation(
      workload: workload, selection: selection, config: caches.instrumentationConfigs.get(key),
      nodeCollector: nodeCollector(), configuration: configuration, rules: indexes.rules(),
      actions: indexes.actions(), inventory: agents.inventory(for: configuration.mountMethod), pods: pods,
      recovery: recovery(workload, selection), queue: indexes.queue(for: reference, now: now.epochSeconds),
      recentRepairs: indexes.recentRepairs(now: now.epochSeconds), isWebhookServing: isWebhookServing(), now: now.text)
  }

  /// Tells in an Event of the workload why nothing can be decided: there may be no InstrumentationConfig to say it in.
  private func tellUndecided(_ situation: WorkloadSituation) async {
    let selection = situation.selection
    let reason = selection.outcome == .undecided ? selection.reason : nil
    let before = undecided.withLock { told in
      defer { told[selection.workload] = reason }
      return told[selection.workload]
    }
    guard let reason, reason != before else { return }
    logger.warning(
      "nothing can be decided", metadata: ["workload": "\(selection.workload)", "why": "\(reason)"])
    await announce(WorkloadPlan.Announcement(reason: reason, isWarning: true), situation)
  }

  /// Deletes the InstrumentationConfig of a pod that is gone, unless a Source waits for a pod of that name.
  private func forget(_ reference: WorkloadReference, _ key: ObjectKey) async throws {
    let selection = select(WorkloadObject(reference, [:]))
    if selection.isInstrumented, selection.isNamedBySource { return }
    try await client.delete(InstrumentationConfig.self, key)
    logger.info("deleted InstrumentationConfig of a pod that is gone", metadata: ["workload": "\(reference)"])
  }

  private func select(_ workload: WorkloadObject) -> SelectionVerdict {
    let home = caches.namespaces.get(ObjectKey(name: workload.reference.namespace))
    return Selection.decide(
      workload: workload.reference, workloadLabels: workload.metadata.labels,
      namespaceLabels: home?.metadata.labels ?? [:], sources: indexes.sources(), ownNamespace: namespace)
  }

  private func nodeCollector() -> NodeCollectorState {
    let key = ObjectKey(namespace: namespace, name: OdigosName.dataCollection)
    guard let status = caches.collectorsGroups.get(key)?.status, status.ready == true else { return .notReady }
    return .ready(Set(status.receiverSignals.compactMap(CollectedSignal.init(rawValue:))))
  }

  /// The Source of the workload comes before that of its namespace; without a Source the workload itself may say it.
  private func recovery(_ workload: WorkloadObject, _ selection: SelectionVerdict) -> String? {
    let sources = selection.sourceNames.lazy.compactMap { name in
      caches.sources.get(ObjectKey(namespace: workload.reference.namespace, name: name))?
        .metadata.annotations[OdigosAnnotation.rollbackRecovery]
    }
    return sources.first ?? workload.note(OdigosAnnotation.rollbackRecovery)
  }

  // MARK: - What was decided

  private func perform(_ plan: WorkloadPlan, _ situation: WorkloadSituation) async throws -> Int? {
    let reference = situation.workload.reference
    let key = ObjectKey(namespace: reference.namespace, name: reference.instrumentationConfigName)
    if plan.appliesStatusFirst { try await applyStatus(plan.status, situation, key) }
    switch plan.config {
    case .leave: break
    case .apply(let config):
      try await client.apply(config, fieldManager: InstrumentorName.fieldManager)
      logger.info("applied InstrumentationConfig", metadata: ["workload": "\(reference)"])
    case .delete:
      try await client.delete(InstrumentationConfig.self, key)
      logger.info(
        "deleted InstrumentationConfig",
        metadata: ["workload": "\(reference)", "reason": "\(situation.selection.reason.code.rawValue)"])
    }
    var (status, announcements) = (plan.status, plan.announcements)
    do throws(KubeError) {
      try await patch(plan, situation)
      if let refusal = try await evict(plan, situation) {
        status?.set(InstrumentorCondition.workloadRollout, refusal, now: situation.now)
        announcements = [WorkloadPlan.Announcement(reason: refusal, isWarning: true)]
      }
    } catch {
      // It is gone, and its InstrumentationConfig goes with it.
      if error.isNotFound { return nil }
      if !error.isConflict, !error.isCancelled { try await reportFailure(error, plan, situation, key) }
      throw error
    }
    if !plan.appliesStatusFirst { try await applyStatus(status, situation, key) }
    for announcement in announcements { await announce(announcement, situation) }
    return plan.retryAfterSeconds
  }

  private func patch(_ plan: WorkloadPlan, _ situation: WorkloadSituation) async throws(KubeError) {
    let reference = situation.workload.reference
    guard let patch = plan.workloadPatch, let type = reference.kind.resourceType else { return }
    let target = ObjectKey(namespace: reference.namespace, name: reference.name)
    let answer = try await client.patch(type, target, .merge, patch, fieldManager: InstrumentorName.fieldManager)
    indexes.patched(WorkloadObject(reference, answer))
    if let reason = plan.restartReason {
      logger.info("restarted workload", metadata: ["workload": "\(reference)", "why": "\(reason.message)"])
    }
  }

  /// Evicts the pod that is to be made anew. Returns why that was refused for now, by a PodDisruptionBudget (429):
  /// it is asked for again, by what the pods are then.
  private func evict(_ plan: WorkloadPlan, _ situation: WorkloadSituation) async throws(KubeError) -> Reason? {
    let reference = situation.workload.reference
    guard let pod = plan.evictedPod else { return nil }
    do throws(KubeError) {
      try await client.evict(ObjectKey(namespace: reference.namespace, name: pod))
      logger.info("evicted pod", metadata: ["workload": "\(reference)", "pod": "\(pod)"])
    } catch {
      if error.isNotFound { return nil }
      guard error.status == 429 else { throw error }
      return Reason(.waitingInQueue, "Pod \(pod), which is to be made anew, cannot be evicted now: \(error.message)")
    }
    return nil
  }

  /// Says in the status that the workload could not be changed; that it is tried again is the queue's matter.
  private func reportFailure(
    _ error: KubeError, _ plan: WorkloadPlan, _ situation: WorkloadSituation, _ key: ObjectKey
  ) async throws {
    guard var status = plan.status, plan.replacesPods else { return }
    let text = "The workload could not be changed: \(error)"
    status.workloadRolloutHash = situation.config?.status.workloadRolloutHash ?? ""
    status.instrumentationTime = situation.config?.status.instrumentationTime
    status.set(InstrumentorCondition.workloadRollout, Reason(.failedToPatch, text), now: situation.now)
    let failed = Reason(.restartRequiredAutoRolloutFailed, text)
    status.set(InstrumentorCondition.podsManifestInjection, failed, now: situation.now)
    try await applyStatus(status, situation, key)
    await announce(WorkloadPlan.Announcement(reason: Reason(.failedToPatch, text), isWarning: true), situation)
  }

  private func applyStatus(_ status: PlannedStatus?, _ situation: WorkloadSituation, _ key: ObjectKey) async throws {
    guard let status, status != PlannedStatus(situation.config?.status) else { return }
    // One that was deleted meanwhile brings us here again.
    try await client.applyStatus(status.applied(to: key))
  }

  /// An Event of the workload itself, which is there before and after its InstrumentationConfig.
  private func announce(_ announcement: WorkloadPlan.Announcement, _ situation: WorkloadSituation) async {
    // A static pod is known to the API server as a pod.
    let type = situation.workload.reference.kind.resourceType ?? Pod.type
    await events.record(
      type, situation.workload.metadata, warning: announcement.isWarning,
      reason: announcement.reason.code.rawValue, message: announcement.reason.message)
  }
}

extension WorkloadObject {
  /// The selector of its pods, as a query has it; nil where it cannot be said so, and all pods are to be looked at.
  var labelSelector: String? {
    guard let selector = json.at("spec", "selector") else { return nil }
    // A DeploymentConfig has plain labels there.
    let labels = reference.kind == .deploymentConfig ? selector.object : selector["matchLabels"]?.object
    let pairs = (labels ?? [:]).compactMap { key, value in value.string.map { "\(key)=\($0)" } }
    return pairs.isEmpty ? nil : pairs.sorted().joined(separator: ",")
  }
}
