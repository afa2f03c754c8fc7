import Concurrency
import JSON
import KubeClient
import KubeObjects
import Logging
import OdigosObjects
import Policy
import YAML

/// What the controllers look up again and again, kept current from the caches' changes.
final class InstrumentorIndexes: Sendable {
  private struct State: Sendable {
    var sources: SourceIndex?
    var configuration = LastGoodConfiguration()
    /// Whether that is to be read anew.
    var isConfigurationStale = true
    var rules: [InstrumentationRuleFacts]?
    var actions: [AgentActionFacts]?
    /// The pods that are workloads of their own, by namespace.
    var podWorkloads: [String: Set<WorkloadReference>] = [:]
    /// The pods that run or will run, by workload and pod name.
    var pods: [WorkloadReference: [String: PodFacts]] = [:]
    var rollouts = RolloutLedger()

    mutating func notePodWorkload(_ workload: WorkloadReference, exists: Bool) {
      if exists {
        podWorkloads[workload.namespace, default: []].insert(workload)
      } else {
        podWorkloads[workload.namespace]?.remove(workload)
        if podWorkloads[workload.namespace]?.isEmpty == true { podWorkloads[workload.namespace] = nil }
      }
    }
  }

  private let state = Locked(State())
  private let caches: InstrumentorCaches
  private let namespace: String
  private let logger: Logger?

  /// Without a logger it tells nobody of a configuration that cannot be read; one in a process is enough.
  init(caches: InstrumentorCaches, namespace: String, logger: Logger? = nil) {
    self.caches = caches
    self.namespace = namespace
    self.logger = logger
  }

  /// Every Source. Made anew at most once after each change, however many there are.
  func sources() -> SourceIndex {
    if let index = state.withLock({ $0.sources }) { return index }
    let index = SourceIndex(caches.sources.all.compactMap { SourceFacts($0) })
    state.withLock { $0.sources = index }
    return index
  }

  func sourcesChanged() { state.withLock { $0.sources = nil } }

  /// The effective configuration: the last one that could be read; the defaults before there was one.
  func configuration() -> OdigosConfiguration { lastGoodConfiguration().configuration ?? OdigosConfiguration() }

  /// What was read of the effective configuration, and what is wrong with it.
  func lastGoodConfiguration() -> LastGoodConfiguration {
    let known = state.withLock { $0.isConfigurationStale ? nil : $0.configuration }
    if let known { return known }
    let key = ObjectKey(namespace: namespace, name: OdigosName.effectiveConfiguration)
    let content = LastGoodConfiguration.Content(caches.effectiveConfiguration.get(key)) { try YAML.parse($0) }
    let (configuration, news) = state.withLock { state in
      let news = state.configuration.read(content)
      state.isConfigurationStale = false
      return (state.configuration, news)
    }
    if let news {
      logger?.log(
        level: configuration.isAwaited ? .notice : .error, "the ConfigMap \(key) cannot be used as it is",
        metadata: ["detail": "\(news)"])
    }
    return configuration
  }

  /// Every InstrumentationRule, made anew at most once after each change.
  func rules() -> [InstrumentationRuleFacts] {
    if let rules = state.withLock({ $0.rules }) { return rules }
    let rules = caches.rules.all.map { InstrumentationRuleFacts($0) }
    state.withLock { $0.rules = rules }
    return rules
  }

  /// The Actions that agents carry out, made anew at most once after each change.
  func actions() -> [AgentActionFacts] {
    if let actions = state.withLock({ $0.actions }) { return actions }
    let actions = caches.actions.all.compactMap { AgentActionFacts($0) }
    state.withLock { $0.actions = actions }
    return actions
  }

  func actionsChanged() { state.withLock { $0.actions = nil } }

  func rulesChanged() { state.withLock { $0.rules = nil } }

  /// The pods that are workloads of their own, of a namespace or of all.
  func podWorkloads(in namespace: String?) -> [WorkloadReference] {
    state.withLock { state in
      namespace.map { Array(state.podWorkloads[$0] ?? []) } ?? state.podWorkloads.values.flatMap { $0 }
    }
  }

  func configurationChanged() { state.withLock { $0.isConfigurationStale = true } }

  // MARK: - Pods

  /// Notes a pod's change; returns the workload that it belongs to, nil also where nothing that matters changed.
  func podChanged(_ old: Pod?, _ new: Pod?) -> WorkloadReference? {
    guard let pod = new ?? old, let workload = WorkloadReference(ownerOf: pod) else { return nil }
    let facts = new.flatMap { PodFacts($0) }
    return state.withLock { state in
      if workload.kind.isSinglePod { state.notePodWorkload(workload, exists: new != nil) }
      // A pod that is its own workload matters also for what its object says.
      let before = state.pods[workload]?[pod.name]
      if before == facts, !workload.kind.isSinglePod { return nil }
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
