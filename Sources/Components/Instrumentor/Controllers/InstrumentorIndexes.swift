import Concurrency
import JSON
import KubeClient
import KubeObjects
import OdigosObjects
import Policy
import YAML

/// What the controllers look up again and again, kept current from the caches' changes.
final class InstrumentorIndexes: Sendable {
  private struct State: Sendable {
    var sources: SourceIndex?
    var configuration: OdigosConfiguration?
    /// The pods that run or will run, by workload and pod name.
    var pods: [WorkloadReference: [String: PodFacts]] = [:]
    var rollouts = RolloutLedger()
  }

  private let state = Locked(State())
  private let caches: InstrumentorCaches
  private let namespace: String

  init(caches: InstrumentorCaches, namespace: String) {
    self.caches = caches
    self.namespace = namespace
  }

  /// Every Source. Made anew at most once after each change, however many there are.
  func sources() -> SourceIndex {
    if let index = state.withLock({ $0.sources }) { return index }
    let index = SourceIndex(caches.sources.all.compactMap { SourceFacts($0) })
    state.withLock { $0.sources = index }
    return index
  }

  func sourcesChanged() { state.withLock { $0.sources = nil } }

  /// The effective configuration; the defaults while there is none.
  func configuration() -> OdigosConfiguration {
    if let configuration = state.withLock({ $0.configuration }) { return configuration }
    let key = ObjectKey(namespace: namespace, name: OdigosName.effectiveConfiguration)
    let text = caches.effectiveConfiguration.get(key)?.json.at("data", OdigosName.configurationKey)?.string ?? ""
    let json = (try? YAML.parse(Array(text.utf8))) ?? .null
    let configuration = OdigosConfiguration.parse(json).configuration
    state.withLock { $0.configuration = configuration }
    return configuration
  }

  func configurationChanged() { state.withLock { $0.configuration = nil } }

  // MARK: - Pods

  /// Notes a pod's change; returns the workload that it belongs to, nil also where nothing that matters changed.
  func podChanged(_ old: Pod?, _ new: Pod?) -> WorkloadReference? {
    guard let pod = new ?? old, let workload = WorkloadReference(ownerOf: pod) else { return nil }
    let facts = new.flatMap { PodFacts($0) }
    return state.withLock { state in
      let before = state.pods[workload]?[pod.name]
      if before == facts { return nil }
      state.pods[workload, default: [:]][pod.name] = facts
      if state.pods[workload]?.isEmpty == true { state.pods[workload] = nil }
      return workload
    }
  }

  /// The workload's pods that run or will run.
  func pods(of workload: WorkloadReference) -> [PodFacts] {
    state.withLock { $0.pods[workload].map { Array($0.values) } ?? [] }
  }

  // MARK: - Rollouts

  /// Notes a workload's change; returns those that may have waited for the end of its rollout.
  func workloadChanged(_ reference: WorkloadReference, _ workload: WorkloadObject?, now: Int) -> [WorkloadReference] {
    state.withLock { $0.rollouts.workloadChanged(reference, workload, now: now) }
  }

  /// Notes how a workload is after our own patch, which the cache does not show yet.
  func patched(_ workload: WorkloadObject) { state.withLock { $0.rollouts.patched(workload) } }

  /// The workload as it is known best: by the cache, or by the answer to a patch of ours that is newer.
  func latest(_ workload: WorkloadObject) -> WorkloadObject { state.withLock { $0.rollouts.latest(workload) } }

  /// Notes a change of an InstrumentationConfig.
  func configChanged(_ reference: WorkloadReference, _ config: InstrumentationConfig?) {
    state.withLock { $0.rollouts.configChanged(reference, config) }
  }

  /// How many workloads were repaired in the last minute.
  func recentRepairs(now: Int) -> Int { state.withLock { $0.rollouts.recentRepairs(now: now) } }

  /// What other workloads do, as far as it matters to this one.
  func queue(for reference: WorkloadReference, now: Int) -> RolloutQueue {
    let settings = configuration().rollout
    let needsPeers = settings.canary.enabled && settings.canary.mode == .workload
    guard settings.maxConcurrentRollouts > 0 || needsPeers else { return RolloutQueue() }
    var (queue, neighbours) = state.withLock {
      ($0.rollouts.queue(for: reference, now: now), needsPeers ? $0.rollouts.neighbours(of: reference) : [])
    }
    queue.peers = neighbours.compactMap { peer($0, now: now) }
    return queue
  }

  private func peer(_ reference: WorkloadReference, now: Int) -> CanaryPeer? {
    let key = ObjectKey(namespace: reference.namespace, name: reference.instrumentationConfigName)
    guard let config = caches.instrumentationConfigs.get(key), let cached = caches.workload(reference) else {
      return nil
    }
    return CanaryPeer(latest(cached), config, pods: pods(of: reference))
  }
}

extension CanaryPeer {
  /// How another workload fares with its present agents; nil where it has none.
  init?(_ workload: WorkloadObject, _ config: InstrumentationConfig, pods: [PodFacts]) {
    if config.status.rollbackOccurred == true {
      let time = config.spec.agentsMetaHashChangedTime.flatMap(KubeTime.init)?.epochSeconds
      self.init(workload.reference, .rolledBack(at: time ?? 0))
      return
    }
    guard let hash = config.spec.agentsMetaHash, !hash.isEmpty else { return nil }
    let isRestarted = workload.note(InstrumentorAnnotation.restartedFor) == hash && workload.ownRestartTime != nil
    guard isRestarted || pods.contains(where: { $0.hash == hash }) else { return nil }
    let time = workload.ownRestartTime ?? config.status.instrumentationTime.flatMap(KubeTime.init)?.epochSeconds ?? 0
    let isWhole = !pods.isEmpty && pods.allSatisfy { $0.hash == hash && $0.isReady } && !workload.isRolloutOngoing
    let readySince = isWhole ? pods.compactMap(\.readySince).max() : nil
    self.init(workload.reference, .instrumented(at: time, readySince: readySince))
  }
}
