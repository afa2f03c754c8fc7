import Concurrency
import KubeObjects
import Policy

/// Whether requests of the API server reach a webhook of ours: workloads that are restarted before could come back
/// without agents.
///
/// The webhook of this process has to answer, and requests have to find their way to a replica: once the kubelet calls
/// the pod of one ready, the Service gets its address, and the nodes learn of that. Where no such pod is seen (the
/// process runs elsewhere, say) it is taken to be so some time after the webhook began to answer.
final class WebhookReach: Sendable {
  private struct State: Sendable {
    var servingSince: ContinuousClock.Instant?
    /// The replicas that are ready, and since when we know.
    var ready: [String: ContinuousClock.Instant] = [:]
  }

  private let state = Locked(State())
  private let namespace: String

  /// From a ready pod to the rules of every node: the endpoints follow at once, kube-proxy gathers changes for a
  /// second by default.
  static let propagation = Duration.seconds(3)
  /// For how long the webhook has to answer where nothing is known of the pods: a probe's period more.
  static let patience = Duration.seconds(10)

  /// `namespace` is the system's.
  init(namespace: String) { self.namespace = namespace }

  /// Notes whether the webhook of this process answers.
  func setServing(_ isServing: Bool, at now: ContinuousClock.Instant = .now) {
    state.withLock { $0.servingSince = isServing ? $0.servingSince ?? now : nil }
  }

  /// Notes a change of a pod.
  func podChanged(_ old: Pod?, _ new: Pod?, at now: ContinuousClock.Instant = .now) {
    guard let pod = new ?? old, pod.namespace == namespace, pod.metadata.labels[Self.label] == WebhookWord.service
    else { return }
    let isReady = new.flatMap { PodFacts($0) }?.isReady ?? false
    state.withLock { $0.ready[pod.name] = isReady ? $0.ready[pod.name] ?? now : nil }
  }

  /// Whether requests arrive.
  func isReached(at now: ContinuousClock.Instant = .now) -> Bool {
    state.withLock { state in
      guard let since = state.servingSince else { return false }
      return since.duration(to: now) >= Self.patience
        || state.ready.values.contains { $0.duration(to: now) >= Self.propagation }
    }
  }

  /// What the Service selects its pods by.
  private static let label = "app.kubernetes.io/name"
}
