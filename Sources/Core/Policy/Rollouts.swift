/// What the decision about restarting a workload depends on.
public struct RolloutFacts: Sendable, Hashable {
  /// What keeps a workload from being restarted by a change of its template.
  public enum Obstacle: Sendable, Hashable {
    /// Its rollouts are paused.
    case paused
    /// Its update strategy keeps pods from being replaced; the text says which and what to do.
    case heldBack(String)
  }

  /// The workload.
  public var workload: WorkloadReference
  /// What new pods are injected with now; "" when they are not injected.
  public var desiredHash: String
  /// What the last restart was for, or what all pods had when they were seen last; nil when there was neither.
  public var rolledOutHash: String?
  /// What the last repair was for; nil when there was none, or all pods were as they should be since.
  public var repairedHash: String?
  /// The pods of the workload that run or will run.
  public var pods: [PodFacts]
  /// Whether a rollout of the workload is under way.
  public var isRolloutOngoing: Bool
  /// What keeps it from being restarted.
  public var obstacle: Obstacle?
  /// Whether its agents are being taken back because it does not do well with them: that waits for nothing.
  public var isRollback = false
  /// Since when all its agents reach pods that run already (`spec.podManifestInjectionOptional`), in seconds since 1970;
  /// nil where one of them needs new pods.
  public var restartOptionalSince: Int?
  /// Since when it waits, in seconds since 1970: when its agents changed.
  public var waitingSince: Int
  /// What its canary pod was made anew for; nil when none was.
  public var canaryHash: String?
  /// When its canary pod was made anew, in seconds since 1970.
  public var canaryAt = 0
  /// Whether the webhook of this process answers.
  public var isWebhookServing = true
  /// How many workloads were repaired in the last minute.
  public var recentRepairs = 0
  /// What other workloads do.
  public var queue = RolloutQueue()
  /// Whether and how fast workloads are restarted.
  public var configuration: RolloutSettings
  /// Seconds since 1970.
  public var now: Int

  /// Gathers the facts.
  public init(
    workload: WorkloadReference, desiredHash: String, rolledOutHash: String? = nil, repairedHash: String? = nil,
    pods: [PodFacts], isRolloutOngoing: Bool = false, obstacle: Obstacle? = nil, waitingSince: Int = 0,
    configuration: RolloutSettings = RolloutSettings(), now: Int
  ) {
    self.workload = workload
    self.desiredHash = desiredHash
    self.rolledOutHash = rolledOutHash
    self.repairedHash = repairedHash
    self.pods = pods
    self.isRolloutOngoing = isRolloutOngoing
    self.obstacle = obstacle
    self.waitingSince = waitingSince
    self.configuration = configuration
    self.now = now
  }

  /// Whether pods are otherwise than new ones would be.
  var hasOutdatedPods: Bool { pods.contains { $0.hash != desiredHash } }

  /// Whether the agents reach every pod as it is. One that was made before may have an agent of another kind in it,
  /// which only a restart takes out.
  var isRestartOptional: Bool {
    guard let restartOptionalSince, !desiredHash.isEmpty else { return false }
    return pods.allSatisfy { $0.hash.isEmpty || $0.hash == desiredHash || $0.createdAt >= restartOptionalSince }
  }

  /// What people have to do where the system does not restart the workload itself.
  public var restartAdvice: String {
    let name = "\(workload.kind.lowercased)/\(workload.name) -n \(workload.namespace)"
    switch workload.kind {
    case .rollout: return "restart it with `kubectl argo rollouts restart \(workload.name) -n \(workload.namespace)`."
    case .deploymentConfig: return "restart it with `oc rollout latest \(name)`."
    default: return "restart it with `kubectl rollout restart \(name)`, or by a change of its pod template."
    }
  }
}

/// What to do about the pods of a workload, and why.
public struct RolloutVerdict: Sendable, Hashable {
  /// What to do now.
  public enum Action: Sendable, Hashable {
    case none
    /// Restart the workload.
    case restart
    /// Restart it once more, because pods missed the webhook.
    case repair
    /// Have one pod made anew, which then tries the agents out.
    case replace(pod: String)
  }

  /// What to do now.
  public var action: Action
  /// Why; becomes the condition WorkloadRollout.
  public var reason: Reason
  /// Why the pods are as they are; becomes the condition PodsManifestInjection.
  public var pods: Reason
  /// When to ask again, in seconds; nil when only a change makes a difference.
  public var retryAfterSeconds: Int?

  /// Whether to restart the workload now.
  public var restarts: Bool { action == .restart || action == .repair }
}

/// Whether workloads are restarted so that their pods get, or lose, their agents.
///
/// The order of the questions: is anything to be done; do the agents need new pods at all; can this kind be restarted; may we; was it restarted for this
/// already (then what is wrong was missed, `MissedPods`); is another rollout under way; does every replica of the
/// webhook know; the canary; the queue.
public enum Rollouts {
  private static let patienceSeconds = 10
  /// How long a change is known before a restart follows: every replica of the webhook learns of it by its own watch,
  /// within milliseconds usually. What slips through all the same is repaired.
  public static let settleSeconds = 2

  /// Decides about the pods of a workload.
  public static func decide(_ facts: RolloutFacts) -> RolloutVerdict {
    guard facts.hasOutdatedPods else { return upToDate(facts) }
    if facts.isRestartOptional {
      let text = "Its agents reach pods that run already; nothing has to restart."
      return stop(.rolloutNotRequired, .podsManifestInjectionNotRequired, text)
    }
    if let verdict = notRestartable(facts) ?? forbidden(facts) { return verdict }
    if facts.rolledOutHash == facts.desiredHash { return rolledOut(facts) }
    if !facts.isRollback {
      if facts.isRolloutOngoing {
        return wait(
          .previousRolloutOngoing, .waitingForAutomaticRollout, "Waiting until the workload's present rollout ends.")
      }
      if let verdict = notReady(facts) ?? notItsTurn(facts) { return verdict }
    }
    if let pod = Canary.failed(facts) {
      return replacing(pod, "Pod \(pod), which tried the agents, is made anew without them.")
    }
    let purpose = facts.desiredHash.isEmpty ? "removes the agents from its pods" : "brings the agents into its pods"
    let text = "A restart of the workload \(purpose)."
    return RolloutVerdict(
      action: .restart, reason: Reason(.rolloutTriggeredSuccessfully, text), pods: Reason(.rolloutInProgress, text))
  }

  /// Whether the budget of repairs is to be renewed: all pods are as they should be, and the last repair is no longer
  /// counted against the limit of a minute.
  public static func settlesRepair(_ facts: RolloutFacts, repairedAt: Int) -> Bool {
    facts.repairedHash != nil && !facts.pods.isEmpty && !facts.hasOutdatedPods && !facts.isRolloutOngoing
      && facts.now - repairedAt >= 60
  }

  private static func upToDate(_ facts: RolloutFacts) -> RolloutVerdict {
    let pods: Reason
    if facts.pods.isEmpty {
      pods = Reason(.noPods, "The workload has no pods.")
    } else if facts.desiredHash.isEmpty {
      pods = Reason(.podsManifestInjectionNotRequired, "Its pods have no agents and are to have none.")
    } else {
      pods = Reason(.podsAppliedSuccessfully, "All pods have their agents.")
    }
    guard !facts.desiredHash.isEmpty, facts.rolledOutHash == facts.desiredHash else {
      return RolloutVerdict(
        action: .none, reason: Reason(.rolloutNotRequired, "All pods of this workload are as they should be."),
        pods: pods)
    }
    if facts.isRolloutOngoing {
      var verdict = wait(.previousRolloutOngoing, .rolloutInProgress, "The restart of the workload is under way.")
      if facts.pods.isEmpty { verdict.pods = pods }
      return verdict
    }
    return RolloutVerdict(
      action: .none, reason: Reason(.rolloutFinished, "The workload was restarted for its present agents."), pods: pods)
  }

  private static func notRestartable(_ facts: RolloutFacts) -> RolloutVerdict? {
    switch facts.workload.kind {
    case .staticPod:
      return stop(
        .workloadNotSupporting, .rolloutNotSupportedForStaticPods,
        "Static pods cannot be restarted from the cluster; restart it on its node.")
    case .pod:
      return stop(
        .workloadNotSupporting, .restartRequiredWebhookMissed,
        "A pod that nobody owns cannot be restarted; delete it and make it again.")
    case .cronJob, .job:
      return stop(.waitingForRestart, .waitingForNextJobRun, "The change takes effect with the next run of the job.")
    case .deployment, .statefulSet, .daemonSet, .deploymentConfig, .rollout: return nil
    }
  }

  private static func forbidden(_ facts: RolloutFacts) -> RolloutVerdict? {
    if facts.configuration.automaticRolloutDisabled {
      let text =
        "Automatic restarts are disabled (rollout.automaticRolloutDisabled); for the change to take effect, "
        + facts.restartAdvice
      return stop(.rolloutDisabled, .restartRequiredAutoRolloutDisabled, text)
    }
    switch facts.obstacle {
    case .heldBack(let text): return stop(.waitingForRestart, .waitingForAutomaticRollout, text)
    case .paused:
      return wait(
        .failedToPatch, .restartRequiredAutoRolloutFailed, "Rollouts of this workload are paused; resume it.")
    case nil: return nil
    }
  }

  private static func rolledOut(_ facts: RolloutFacts) -> RolloutVerdict {
    if facts.isRolloutOngoing {
      return wait(.previousRolloutOngoing, .rolloutInProgress, "The restart of the workload is under way.")
    }
    switch MissedPods.decide(facts) {
    case .leave(let text): return stop(.rolloutFinished, .restartRequiredWebhookMissed, text)
    case .wait(let text, let seconds):
      return wait(.waitingInQueue, .waitingForAutomaticRollout, text, retryAfterSeconds: seconds)
    case .repair:
      if let verdict = notItsTurn(facts, isTried: true) { return verdict }
      let text = "Pods missed the webhook; another restart of the workload repairs them."
      return RolloutVerdict(
        action: .repair, reason: Reason(.rolloutTriggeredSuccessfully, text), pods: Reason(.rolloutInProgress, text))
    }
  }

  private static func notReady(_ facts: RolloutFacts) -> RolloutVerdict? {
    if facts.desiredHash.isEmpty { return nil }
    if !facts.isWebhookServing {
      return wait(
        .waitingInQueue, .waitingForAutomaticRollout, "The restart follows once the webhook serves.",
        retryAfterSeconds: settleSeconds)
    }
    let left = facts.waitingSince + settleSeconds - facts.now
    guard left > 0 else { return nil }
    return wait(
      .waitingInQueue, .waitingForAutomaticRollout,
      "The restart follows once every replica of the webhook had time to learn of the change.",
      retryAfterSeconds: min(left, settleSeconds))
  }

  private static func notItsTurn(_ facts: RolloutFacts, isTried: Bool = false) -> RolloutVerdict? {
    switch isTried ? .go : Canary.decide(facts) {
    case .go: break
    case .wait(let text, let seconds):
      return wait(.waitingInQueue, .waitingForAutomaticRollout, text, retryAfterSeconds: seconds)
    case .replace(let pod):
      return replacing(pod, "Pod \(pod) is made anew to try the agents before the others get them.")
    case .missed:
      return stop(
        .waitingInQueue, .restartRequiredWebhookMissed,
        "The pod that was to try the agents first came without them; \(facts.restartAdvice)")
    }
    let own = RolloutQueue.Waiting(facts.workload, since: facts.waitingSince)
    guard let text = facts.queue.obstacle(for: own, limit: facts.configuration.maxConcurrentRollouts) else {
      return nil
    }
    return wait(.waitingInQueue, .waitingInRolloutQueue, text)
  }

  private static func replacing(_ pod: String, _ message: String) -> RolloutVerdict {
    RolloutVerdict(
      action: .replace(pod: pod), reason: Reason(.waitingInQueue, message),
      pods: Reason(.waitingForAutomaticRollout, message), retryAfterSeconds: 5)
  }

  private static func stop(_ code: ReasonCode, _ pods: ReasonCode, _ message: String) -> RolloutVerdict {
    RolloutVerdict(action: .none, reason: Reason(code, message), pods: Reason(pods, message))
  }

  private static func wait(
    _ code: ReasonCode, _ pods: ReasonCode, _ message: String, retryAfterSeconds: Int = patienceSeconds
  ) -> RolloutVerdict {
    var verdict = stop(code, pods, message)
    verdict.retryAfterSeconds = retryAfterSeconds
    return verdict
  }
}
