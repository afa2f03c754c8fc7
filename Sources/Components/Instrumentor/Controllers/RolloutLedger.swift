import KubeClient
import KubeObjects
import OdigosObjects
import Policy

/// Which workloads are being restarted by us, wait for it, or were repaired: a value, kept from the changes of the
/// objects that say so, and therefore the same in every process that sees the same objects.
struct RolloutLedger: Sendable {
  /// When each rollout of ours that goes on began.
  private var ongoing: [WorkloadReference: Int] = [:]
  /// When the workloads of the last repairs were restarted.
  private var repairs: [WorkloadReference: Int] = [:]
  /// Since when each workload waits whose condition WorkloadRollout says so.
  private var waiting: [WorkloadReference: Int] = [:]
  /// The workloads with an InstrumentationConfig, by namespace.
  private var marked: [String: Set<WorkloadReference>] = [:]
  /// Workloads as our own patches left them, until the cache shows them so.
  private var patches: [WorkloadReference: WorkloadObject] = [:]

  /// Takes a workload over as the cache has it, nil where it is gone; returns who waits longest, when room was made.
  mutating func workloadChanged(
    _ reference: WorkloadReference, _ workload: WorkloadObject?, now: Int
  ) -> [WorkloadReference] {
    let current = workload.map { latest($0) }
    if let workload, let patched = patches[reference], !Self.isNewer(patched, than: workload) {
      patches[reference] = nil
    }
    if current == nil { patches[reference] = nil }
    let before = ongoing[reference]
    note(reference, current, now: now)
    guard before != nil, ongoing[reference] == nil, !waiting.isEmpty else { return [] }
    let queue = waiting.map { RolloutQueue.Waiting($0.key, since: $0.value) }.sorted()
    return queue.prefix(8).map(\.workload)
  }

  /// Takes over the answer to a patch of ours.
  mutating func patched(_ workload: WorkloadObject) {
    patches[workload.reference] = workload
    // Its rollout begins with the patch.
    note(workload.reference, workload, now: workload.ownRestartTime ?? 0)
  }

  private mutating func note(_ reference: WorkloadReference, _ workload: WorkloadObject?, now: Int) {
    ongoing[reference] = workload?.ownRolloutStart(now: now)
    repairs[reference] = workload?.repairTime
  }

  /// The newer of the cache's object and ours.
  func latest(_ workload: WorkloadObject) -> WorkloadObject {
    guard let patched = patches[workload.reference], Self.isNewer(patched, than: workload) else { return workload }
    return patched
  }

  /// Generations count the changes of the spec. A patch of notes alone leaves them as they are; then the version
  /// tells, which the API server takes from one counter (etcd's revision).
  private static func isNewer(_ patched: WorkloadObject, than cached: WorkloadObject) -> Bool {
    guard patched.metadata.uid == cached.metadata.uid else { return false }
    let generations = (patched.metadata.generation ?? 0, cached.metadata.generation ?? 0)
    if generations.0 != generations.1 { return generations.0 > generations.1 }
    func version(_ workload: WorkloadObject) -> UInt64? { workload.metadata.resourceVersion.flatMap { UInt64($0) } }
    guard let ours = version(patched), let theirs = version(cached) else { return false }
    return ours > theirs
  }

  /// Takes an InstrumentationConfig over, nil where it is gone.
  mutating func configChanged(_ reference: WorkloadReference, _ config: InstrumentationConfig?) {
    guard let config, config.metadata.deletionTimestamp == nil else {
      waiting[reference] = nil
      marked[reference.namespace]?.remove(reference)
      if marked[reference.namespace]?.isEmpty == true { marked[reference.namespace] = nil }
      return
    }
    marked[reference.namespace, default: []].insert(reference)
    let condition = config.status.conditions.condition(InstrumentorCondition.workloadRollout)
    let isWaiting = condition?.reason == ReasonCode.waitingInQueue.rawValue
    let since = config.spec.agentsMetaHashChangedTime.flatMap(KubeTime.init)?.epochSeconds ?? 0
    waiting[reference] = isWaiting ? since : nil
  }

  /// How many workloads were repaired in the last minute.
  func recentRepairs(now: Int) -> Int { repairs.values.count { now - $0 < 60 } }

  /// What the others do.
  func queue(for reference: WorkloadReference, now: Int) -> RolloutQueue {
    RolloutQueue(
      ongoing: ongoing.count { $0.key != reference && now - $0.value < 600 },
      waiting: waiting.compactMap { $0.key == reference ? nil : RolloutQueue.Waiting($0.key, since: $0.value) })
  }

  /// The other workloads of the namespace that have an InstrumentationConfig.
  func neighbours(of reference: WorkloadReference) -> [WorkloadReference] {
    (marked[reference.namespace] ?? []).filter { $0 != reference }
  }
}
