import Concurrency
import JSON
import KubeClient
import KubeObjects
import KubeRuntime
import Logging
import OdigosObjects
import Policy

/// Brings one workload to what was decided for it: gathers the situation from the caches, plans, applies.
struct WorkloadReconciler: Sendable {
  let client: KubeClient
  let caches: InstrumentorCaches
  let indexes: InstrumentorIndexes
  let namespace: String
  let events: EventRecorder
  let logger: Logger
  /// What was told of workloads about which nothing can be decided, so that it is told once.
  let undecided = Locked<[WorkloadReference: Reason]>([:])

  func reconcile(_ reference: WorkloadReference) async throws -> ReconcileResult {
    let key = ObjectKey(namespace: reference.namespace, name: reference.instrumentationConfigName)
    guard let workload = caches.workload(reference), workload.metadata.deletionTimestamp == nil else {
      // The InstrumentationConfig of a workload that is gone goes with its owner. One of a pod may have none.
      if reference.kind.isSinglePod, caches.instrumentationConfigs.get(key) != nil { try await forget(reference, key) }
      return .done
    }
    let situation = WorkloadSituation(
      workload: workload, selection: select(workload), config: caches.instrumentationConfigs.get(key),
      nodeCollector: nodeCollector(), configuration: indexes.configuration(), rules: indexes.rules(),
      actions: indexes.actions(),
      podHashes: indexes.podHashes(of: reference), ongoingRollouts: indexes.ongoingRollouts(caches, but: reference),
      now: KubeTime.now.text)
    await tellUndecided(situation)
    let plan = WorkloadPlan.make(situation)
    try await perform(plan, situation, key)
    return plan.retryAfterSeconds.map { .requeue(after: .seconds($0)) } ?? .done
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
    await situation.workload.record(reason, with: events)
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

  private func perform(_ plan: WorkloadPlan, _ situation: WorkloadSituation, _ key: ObjectKey) async throws {
    let reference = situation.workload.reference
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
    if let patch = plan.workloadPatch, let type = reference.kind.resourceType {
      let target = ObjectKey(namespace: reference.namespace, name: reference.name)
      _ = try await client.patch(type, target, .merge, patch, fieldManager: InstrumentorName.fieldManager)
      logger.info(
        "restarted workload",
        metadata: ["workload": "\(reference)", "why": "\(plan.restartReason?.message ?? "")"])
      if let config = situation.config, let reason = plan.restartReason {
        await events.record(config, reason: reason.code.rawValue, message: reason.message)
      }
    }
    try await applyStatus(plan, situation, key)
  }

  private func applyStatus(_ plan: WorkloadPlan, _ situation: WorkloadSituation, _ key: ObjectKey) async throws {
    guard !plan.conditions.isEmpty else { return }
    let present = situation.config?.status
    var changed = present?.workloadRolloutHash ?? "" != plan.workloadRolloutHash ?? ""
    var conditions: [Condition] = []
    for condition in plan.conditions {
      let old = present?.conditions.condition(condition.type ?? "")
      let new = (present?.conditions ?? []).setting(condition).condition(condition.type ?? "") ?? condition
      if old != new { changed = true }
      conditions.append(new)
    }
    guard changed else { return }
    var status = InstrumentationConfig(name: key.name, namespace: key.namespace)
    status.status.conditions = conditions
    if let hash = plan.workloadRolloutHash, !hash.isEmpty { status.status.workloadRolloutHash = hash }
    do {
      try await client.apply(status, fieldManager: InstrumentorName.fieldManager, subresource: .status)
    } catch {
      // It was deleted meanwhile; its deletion brings us here again.
      if !error.isNotFound { throw error }
    }
  }
}
