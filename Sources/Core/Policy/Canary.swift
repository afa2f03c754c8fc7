import JSON

/// What tries out new agents before the rest gets them.
public enum CanaryMode: String, Sendable, Hashable, CaseIterable {
  /// One pod of each workload.
  case pod
  /// One workload of each namespace.
  case workload
}

/// Whether and how new agents are tried out first (`rollout.canary`).
public struct CanarySettings: Sendable, Hashable {
  /// Whether they are.
  public var enabled = false
  /// On what.
  public var mode = CanaryMode.workload
  /// How long it has to stay ready before the rest follows, in seconds.
  public var stabilitySeconds = 60
  /// Settings that are not understood; written back unchanged.
  public var unknown = JSONObject()
  /// A default one: off.
  public init() {}
}

/// Another workload of the namespace, as far as it tells whether the agents do well there.
public struct CanaryPeer: Sendable, Hashable {
  /// How it fares.
  public enum State: Sendable, Hashable {
    /// It got its agents at that time, and its pods are ready with them since the second time; nil while they are not.
    case instrumented(at: Int, readySince: Int?)
    /// Its agents were taken back at that time.
    case rolledBack(at: Int)
  }

  /// The workload.
  public var workload: WorkloadReference
  /// How it fares.
  public var state: State

  /// Makes a peer.
  public init(_ workload: WorkloadReference, _ state: State) {
    self.workload = workload
    self.state = state
  }
}

/// Whether a restart has to wait for a canary.
enum Canary {
  enum Verdict: Hashable {
    case go
    case wait(String, retryAfterSeconds: Int)
    /// Have this pod made anew: it becomes the canary.
    case replace(pod: String)
    /// The canary's replacement came without the agents, for the second time.
    case missed
  }

  static func decide(_ facts: RolloutFacts) -> Verdict {
    let settings = facts.configuration.canary
    // Taking agents away needs no trial.
    guard settings.enabled, !facts.desiredHash.isEmpty else { return .go }
    return settings.mode == .workload ? byWorkload(facts, settings) : byPod(facts, settings)
  }

  /// For how long after it got its agents a workload that is not stable counts as one that tries them; a workload
  /// that loses a pod next year does not.
  private static let trialSeconds = 600

  /// What became of the namespace's other workloads since this one began to wait counts for it; what happened before
  /// does not.
  private static func byWorkload(_ facts: RolloutFacts, _ settings: CanarySettings) -> Verdict {
    var trial: (workload: WorkloadReference, stableAt: Int?)?
    var isProven = false
    for peer in facts.queue.peers {
      switch peer.state {
      case .rolledBack(let time) where time >= facts.waitingSince:
        let text =
          "The agents were taken back from \(peer.workload), the canary; repair it, then change the annotation "
          + "\(OdigosAnnotation.rollbackRecovery) of its Source, or opt it out."
        return .wait(text, retryAfterSeconds: 30)
      case .instrumented(let time, let readySince):
        let stableAt = readySince.map { $0 + settings.stabilitySeconds }
        if let stableAt, stableAt <= facts.now {
          isProven = isProven || stableAt >= facts.waitingSince
        } else if facts.now - time < settings.stabilitySeconds + trialSeconds {
          trial = (peer.workload, stableAt)
        }
      case .rolledBack: break
      }
    }
    if isProven { return .go }
    if let trial {
      let text =
        "\(trial.workload) tries the agents first; this one follows when it has been ready for "
        + "\(settings.stabilitySeconds) s."
      return .wait(text, retryAfterSeconds: trial.stableAt.map { max(1, min(30, $0 - facts.now)) } ?? 10)
    }
    let own = RolloutQueue.Waiting(facts.workload, since: facts.waitingSince)
    let first = facts.queue.waiting.filter { $0.workload.namespace == facts.workload.namespace && $0 < own }.min()
    guard let first else { return .go }
    return .wait("\(first.workload) is to try the agents first.", retryAfterSeconds: 10)
  }

  private static func byPod(_ facts: RolloutFacts, _ settings: CanarySettings) -> Verdict {
    let canaries = facts.pods.filter { $0.hash == facts.desiredHash }
    // A single pod is its own canary: a rolling restart keeps it until its successor is ready.
    if canaries.isEmpty, facts.pods.count < 2 { return .go }
    if canaries.isEmpty { return replacement(facts) }
    let text = "Pod \(canaries[0].name) tries the agents first; the others follow when it has been ready for "
    let since = canaries.compactMap(\.readySince).max()
    guard let since, canaries.allSatisfy(\.isReady) else {
      return .wait("\(text)\(settings.stabilitySeconds) s; it is not ready now.", retryAfterSeconds: 10)
    }
    let left = since + settings.stabilitySeconds - facts.now
    return left <= 0
      ? .go : .wait("\(text)\(settings.stabilitySeconds) s.", retryAfterSeconds: max(1, min(30, left)))
  }

  /// The one pod with agents that is to lose them, where they were only tried.
  static func failed(_ facts: RolloutFacts) -> String? {
    let settings = facts.configuration.canary
    guard settings.enabled, settings.mode == .pod, facts.isRollback, facts.canaryHash?.isEmpty == false else {
      return nil
    }
    let instrumented = facts.pods.filter { !$0.hash.isEmpty }
    return instrumented.count == 1 && facts.pods.count > 1 ? instrumented[0].name : nil
  }

  private static func replacement(_ facts: RolloutFacts) -> Verdict {
    if facts.canaryHash == facts.desiredHash {
      // The eviction of a pod was asked for. Either it was refused, or the pod's replacement is still to come, or it
      // came without the agents.
      guard facts.now - facts.canaryAt >= 60 else {
        let text =
          "The pod that tries the agents first is being made anew; where a PodDisruptionBudget forbids that for now, it "
          + "is tried again after a minute."
        return .wait(text, retryAfterSeconds: 5)
      }
      let hasMissed = facts.pods.contains { $0.createdAt >= facts.canaryAt }
      let isSpent = facts.repairedHash == facts.desiredHash || !facts.configuration.repairMissedPods
      if hasMissed, isSpent { return .missed }
    }
    // The highest name: with a StatefulSet that is the one whose loss its application foresees first.
    guard let pod = facts.pods.filter(\.isReady).max(by: { $0.name < $1.name }) else {
      return .wait("No pod is ready that could try the agents first.", retryAfterSeconds: 10)
    }
    return .replace(pod: pod.name)
  }
}
