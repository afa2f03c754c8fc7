/// What the decision about restarting a workload depends on.
public struct RolloutFacts: Sendable, Hashable {
  /// The workload.
  public var workload: WorkloadReference
  /// What new pods would be injected with now; "" when they would not be injected.
  public var desiredHash: String
  /// What the last restart was for (`status.workloadRolloutHash`); "" when there was none.
  public var rolledOutHash: String
  /// Whether pods of the workload carry another hash than the desired one; a pod without the label carries "".
  /// Pods that are being deleted do not count: they outlive the rollout that replaced them.
  public var hasOutdatedPods: Bool
  /// Whether a rollout of the workload is under way.
  public var isRolloutOngoing: Bool
  /// Whether the workload's rollouts are paused.
  public var isPaused: Bool
  /// How many workloads are being restarted by us now.
  public var ongoingRollouts: Int
  /// Whether and how fast workloads are restarted.
  public var configuration: RolloutSettings

  /// Gathers the facts.
  public init(
    workload: WorkloadReference, desiredHash: String, rolledOutHash: String, hasOutdatedPods: Bool,
    isRolloutOngoing: Bool, isPaused: Bool = false, ongoingRollouts: Int = 0,
    configuration: RolloutSettings = RolloutSettings()
  ) {
    self.workload = workload
    self.desiredHash = desiredHash
    self.rolledOutHash = rolledOutHash
    self.hasOutdatedPods = hasOutdatedPods
    self.isRolloutOngoing = isRolloutOngoing
    self.isPaused = isPaused
    self.ongoingRollouts = ongoingRollouts
    self.configuration = configuration
  }
}

/// Whether to restart a workload now.
public struct RolloutVerdict: Sendable, Hashable {
  /// Whether to restart it now.
  public var restart: Bool
  /// Why; becomes the condition WorkloadRollout.
  public var reason: Reason
  /// When to ask again, in seconds; nil when only a change makes a difference.
  public var retryAfterSeconds: Int?
}

/// Whether workloads are restarted so that their pods get, or lose, their agents.
public enum Rollouts {
  private static let patienceSeconds = 10

  /// Decides whether to restart the workload now.
  public static func decide(_ facts: RolloutFacts) -> RolloutVerdict {
    // A restart for the same hash is never repeated: where it did not help, another one would not either. Taking
    // agents back leaves no hash behind, so there only the pods tell.
    let wasRestarted = !facts.desiredHash.isEmpty && facts.desiredHash == facts.rolledOutHash
    if wasRestarted || !facts.hasOutdatedPods {
      if facts.isRolloutOngoing, wasRestarted {
        return no(.previousRolloutOngoing, "The restart of the workload is under way.", retry: true)
      }
      return wasRestarted
        ? no(.rolloutFinished, "The workload was restarted for its present agents.")
        : no(.rolloutNotRequired, "All pods of this workload are as they should be.")
    }
    switch facts.workload.kind {
    case .pod:
      return no(.workloadNotSupporting, "A pod that nobody owns cannot be restarted; delete it and make it again.")
    case .staticPod:
      return no(.workloadNotSupporting, "Static pods cannot be restarted from the cluster; restart it on its node.")
    case .cronJob, .job: return no(.waitingForRestart, "The change takes effect with the next run of the job.")
    case .deployment, .statefulSet, .daemonSet, .deploymentConfig, .rollout: break
    }
    if facts.configuration.automaticRolloutDisabled {
      return no(.rolloutDisabled, "Automatic restarts are disabled; the change takes effect when you restart it.")
    }
    if facts.isPaused {
      return no(.failedToPatch, "Rollouts of this workload are paused; resume it.", retry: true)
    }
    if facts.isRolloutOngoing {
      return no(.previousRolloutOngoing, "Waiting until the workload's present rollout ends.", retry: true)
    }
    let limit = facts.configuration.maxConcurrentRollouts
    if limit > 0, facts.ongoingRollouts >= limit {
      return no(.waitingInQueue, "\(facts.ongoingRollouts) workloads are being restarted, the limit.", retry: true)
    }
    let purpose = facts.desiredHash.isEmpty ? "removes the agents from its pods" : "brings the agents into its pods"
    return RolloutVerdict(
      restart: true, reason: Reason(.rolloutTriggeredSuccessfully, "A restart of the workload \(purpose)."))
  }

  private static func no(_ code: ReasonCode, _ message: String, retry: Bool = false) -> RolloutVerdict {
    RolloutVerdict(
      restart: false, reason: Reason(code, message), retryAfterSeconds: retry ? patienceSeconds : nil)
  }
}
