import Concurrency
import JSON
import KubeObjects
import OdigosObjects
import Policy
import YAML

/// What the controllers look up again and again, kept current from the caches' changes.
final class InstrumentorIndexes: Sendable {
  private struct State: Sendable {
    var sources: SourceIndex?
    var configuration: OdigosConfiguration?
    /// The hash of each pod, by workload and pod name.
    var pods: [WorkloadReference: [String: String]] = [:]
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
