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
  /// What the indexes are made of, as it is in the moment when it is asked for.
  struct Inputs: Sendable {
    var sources: @Sendable () -> [Source]
    var rules: @Sendable () -> [InstrumentationRule]
    var actions: @Sendable () -> [Action]
    var effectiveConfiguration: @Sendable () -> ConfigMap?
  }

  private struct State: Sendable {
    var configuration = LastGoodConfiguration()
    /// Whether that is to be read anew.
    var isConfigurationStale = true
    /// How many changes of it there were.
    var configurationChanges = 0
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
  private let sourceIndex: DerivedValue<SourceIndex>
  private let ruleFacts: DerivedValue<[InstrumentationRuleFacts]>
  private let actionFacts: DerivedValue<[AgentActionFacts]>
  private let effectiveConfiguration: @Sendable () -> ConfigMap?
  private let caches: InstrumentorCaches
  private let namespace: String
  private let logger: Logger?

  /// - Parameters:
  ///   - logger: without one it tells nobody of a configuration that cannot be read; one in a process is enough.
  ///   - inputs: what is read instead of the caches.
  init(caches: InstrumentorCaches, namespace: String, logger: Logger? = nil, inputs: Inputs? = nil) {
    let inputs = inputs ?? Inputs(caches, namespace: namespace)
    sourceIndex = DerivedValue { SourceIndex(inputs.sources().compactMap { SourceFacts($0) }) }
    ruleFacts = DerivedValue { inputs.rules().map { InstrumentationRuleFacts($0) } }
    actionFacts = DerivedValue { inputs.actions().compactMap { AgentActionFacts($0) } }
    effectiveConfiguration = inputs.effectiveConfiguration
    self.caches = caches
    self.namespace = namespace
    self.logger = logger
  }

  /// Every Source.
  func sources() -> SourceIndex { sourceIndex.current() }

  func sourcesChanged() { sourceIndex.changed() }

  /// The effective configuration: the last one that could be read; the defaults before there was one.
  func configuration() -> OdigosConfiguration { lastGoodConfiguration().configuration ?? OdigosConfiguration() }

  /// What was read of the effective configuration, and what is wrong with it.
  func lastGoodConfiguration() -> LastGoodConfiguration {
    while true {
      let (known, changes) = state.withLock { state in
        (state.isConfigurationStale ? nil : state.configuration, state.configurationChanges)
      }
      if let configuration = known ?? readConfiguration(after: changes) { return configuration }
    }
  }

  /// Reads the configuration; nil where it has changed meanwhile and what was read may be of before.
  private func readConfiguration(after changes: Int) -> LastGoodConfiguration? {
    let content = LastGoodConfiguration.Content(effectiveConfiguration()) { try YAML.parse($0) }
    let result = state.withLock { state -> (configuration: LastGoodConfiguration, news: String?)? in
      guard state.configurationChanges == changes else { return nil }
      let news = state.configuration.read(content)
      state.isConfigurationStale = false
      return (state.configuration, news)
    }
    guard let result else { return nil }
    if let news = result.news {
      let key = ObjectKey(namespace: namespace, name: OdigosName.effectiveConfiguration)
      logger?.log(
        level: result.configuration.isAwaited ? .notice : .error, "the ConfigMap \(key) cannot be used as it is",
        metadata: ["detail": "\(news)"])
    }
    return result.configuration
  }

  func configurationChanged() {
    state.withLock { state in
      state.configurationChanges += 1
      state.isConfigurationStale = true
    }
  }

  /// Every InstrumentationRule.
  func rules() -> [InstrumentationRuleFacts] { ruleFacts.current() }

  func rulesChanged() { ruleFacts.changed() }

  /// The Actions that agents carry out.
  func actions() -> [AgentActionFacts] { actionFacts.current() }

  func actionsChanged() { actionFacts.changed() }

  /// The pods that are workloads of their own, of a namespace or of all.
  func podWorkloads(in namespace: String?) -> [WorkloadReference] {
    state.withLock { state in
      namespace.map { Array(state.podWorkloads[$0] ?? []) } ?? state.podWorkloads.values.flatMap { $0 }
    }
  }

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

extension InstrumentorIndexes.Inputs {
  /// What the caches have.
  init(_ caches: InstrumentorCaches, namespace: String) {
    let key = ObjectKey(namespace: namespace, name: OdigosName.effectiveConfiguration)
    self.init(
      sources: { caches.sources.all }, rules: { caches.rules.all }, actions: { caches.actions.all },
      effectiveConfiguration: { caches.effectiveConfiguration.get(key) })
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
