import Concurrency
import JSON
import KubeObjects
import Logging
import OdigosObjects
import Policy
import YAML

/// What the controllers look up again and again, kept current from the caches' changes.
final class InstrumentorIndexes: Sendable {
  private struct State: Sendable {
    var sources: SourceIndex?
    var configuration: OdigosConfiguration?
    /// The last configuration that could be read, for when one cannot.
    var lastGood: OdigosConfiguration?
    var configurationProblem: String?
    var rules: [InstrumentationRuleFacts]?
    var actions: [AgentActionFacts]?
    /// The pods that are workloads of their own, by namespace.
    var podWorkloads: [String: Set<WorkloadReference>] = [:]
    /// The hash of each pod, by workload and pod name.
    var pods: [WorkloadReference: [String: String]] = [:]
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

  /// The effective configuration; the defaults while there is none, and the last good one while it cannot be read.
  func configuration() -> OdigosConfiguration {
    if let configuration = state.withLock({ $0.configuration }) { return configuration }
    let key = ObjectKey(namespace: namespace, name: OdigosName.effectiveConfiguration)
    let configMap = caches.effectiveConfiguration.get(key)
    let (read, problem) = Self.read(configMap?.json.at("data", OdigosName.configurationKey)?.string, configMap != nil)
    let (configuration, before) = state.withLock { state in
      let before = state.configurationProblem
      let configuration = read ?? state.lastGood ?? OdigosConfiguration()
      state.configuration = configuration
      state.lastGood = configuration
      state.configurationProblem = problem
      return (configuration, before)
    }
    if let problem, problem != before {
      logger?.error("the ConfigMap \(key) cannot be used as it is", metadata: ["detail": "\(problem)"])
    }
    return configuration
  }

  /// What is wrong with the effective configuration; nil when nothing is.
  var configurationProblem: String? {
    _ = configuration()
    return state.withLock { $0.configurationProblem }
  }

  /// Reads the text of the effective configuration: what holds, if it can be read, and what is wrong with it.
  static func read(_ text: String?, _ exists: Bool) -> (OdigosConfiguration?, problem: String?) {
    guard exists else { return (OdigosConfiguration(), nil) }
    guard let text else { return (nil, "it has no key \(OdigosName.configurationKey); the last good one stays") }
    do {
      let json = try YAML.parse(Array(text.utf8))
      let (configuration, problems) = OdigosConfiguration.parse(json)
      let errors = problems.filter { $0.severity == .error }
      if errors.contains(where: { $0.key.isEmpty }) {
        return (nil, "\(errors[0].message) The last good one stays.")
      }
      return (configuration, errors.isEmpty ? nil : errors.map(\.description).joined(separator: "; "))
    } catch {
      return (nil, "it is no YAML: \(error); the last good one stays")
    }
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

  func configurationChanged() { state.withLock { $0.configuration = nil } }

  /// Notes a pod's change; returns the workload that it belongs to.
  func podChanged(_ old: Pod?, _ new: Pod?) -> WorkloadReference? {
    guard let pod = new ?? old, let workload = WorkloadReference(ownerOf: pod) else { return nil }
    let counts = new.map { pod in
      let phase = pod.json.at("status", "phase")?.string
      return pod.metadata.deletionTimestamp == nil && phase != "Succeeded" && phase != "Failed"
    }
    state.withLock { state in
      let hash = counts == true ? pod.metadata.labels[OdigosLabel.agentsMetaHash] ?? "" : nil
      state.pods[workload, default: [:]][pod.name] = hash
      if state.pods[workload]?.isEmpty == true { state.pods[workload] = nil }
      guard workload.kind.isSinglePod else { return }
      if new == nil {
        state.podWorkloads[workload.namespace]?.remove(workload)
        if state.podWorkloads[workload.namespace]?.isEmpty == true { state.podWorkloads[workload.namespace] = nil }
      } else {
        state.podWorkloads[workload.namespace, default: []].insert(workload)
      }
    }
    return workload
  }

  /// The hashes of the workload's pods that run or will run, "" for pods without one.
  func podHashes(of workload: WorkloadReference) -> [String] {
    state.withLock { $0.pods[workload].map { Array($0.values) } ?? [] }
  }

  /// How many other workloads are being restarted by us. Counted only where a limit is set.
  func ongoingRollouts(_ caches: InstrumentorCaches, but reference: WorkloadReference) -> Int {
    guard configuration().rollout.maxConcurrentRollouts > 0 else { return 0 }
    return caches.workloads(in: nil).count { other in
      guard other != reference, let workload = caches.workload(other), let own = workload.ownRestart else {
        return false
      }
      return own == workload.restartedAt && workload.isRolloutOngoing
    }
  }
}
