import JSON

/// What the decision to take agents back depends on.
public struct RollbackFacts: Sendable, Hashable {
  /// The pods of the workload.
  public var pods: [PodFacts]
  /// What new pods are injected with; "" for nothing.
  public var hash: String
  /// When the workload got these agents, in seconds since 1970; nil while it has not.
  public var instrumentedAt: Int?
  /// Whether all its pods were ready when it was restarted for these agents, and its containers are still the same
  /// ones.
  public var wasReadyBefore: Bool
  /// Seconds since 1970.
  public var now: Int
  /// The settings `rollbackDisabled`, `rollbackGraceTime` and `rollbackStabilityWindow`.
  public var configuration: OdigosConfiguration

  /// Gathers the facts.
  public init(
    pods: [PodFacts], hash: String, instrumentedAt: Int?, wasReadyBefore: Bool, now: Int,
    configuration: OdigosConfiguration
  ) {
    self.pods = pods
    self.hash = hash
    self.instrumentedAt = instrumentedAt
    self.wasReadyBefore = wasReadyBefore
    self.now = now
    self.configuration = configuration
  }
}

/// Whether agents are taken back.
public enum RollbackVerdict: Sendable, Hashable {
  /// They stay.
  case keep
  /// There is trouble; ask again after so many seconds.
  case watch(retryAfterSeconds: Int)
  /// They go, for that reason.
  case rollBack(Reason)
}

/// When agents are taken back from a workload that does not do well with them.
///
/// Only within the stability window, which begins when the workload got the agents, and never before the grace time
/// has gone by since its first pod with them was made:
/// - a pod with the present agents has a container, also an init container, in a crash loop or without its image; or
/// - readiness was lost: all pods were ready at the restart that brought the agents; since then the containers of
///   the template are the same; pods with the agents have started, but none is ready, and none of those that have
///   started was ready during the grace time; and where pods without them are left, at least one of these is ready,
///   so that the cause is none that concerns all. A pod with the agents that failed lately is given the time to show
///   whether it crashes again and again.
public enum Rollback {
  /// Decides about agents that are in force.
  public static func decide(_ facts: RollbackFacts) -> RollbackVerdict {
    guard !facts.configuration.rollbackDisabled, !facts.hash.isEmpty, let instrumentedAt = facts.instrumentedAt,
      facts.now - instrumentedAt <= facts.configuration.rollbackStabilityWindow.milliseconds / 1000
    else { return .keep }
    let instrumented = facts.pods.filter { $0.hash == facts.hash }
    guard let first = instrumented.map(\.createdAt).min() else { return .keep }
    let grace = facts.configuration.rollbackGraceTime.milliseconds / 1000
    if let pod = instrumented.filter({ $0.trouble != nil }).min(by: { $0.name < $1.name }), let trouble = pod.trouble {
      let left = first + grace - facts.now
      if left > 0 { return .watch(retryAfterSeconds: left) }
      return .rollBack(
        Reason(
          trouble.code,
          "Agents were taken back: pod \(pod.name), which has them, is in \(trouble.code.rawValue). \(advice)"))
    }
    return readiness(facts, instrumented, grace)
  }

  private static func readiness(
    _ facts: RollbackFacts, _ instrumented: [PodFacts], _ grace: Int
  ) -> RollbackVerdict {
    let started = instrumented.filter(\.isStarted)
    guard facts.wasReadyBefore, !instrumented.contains(where: \.isReady),
      let since = started.compactMap(\.unreadySince).max()
    else { return .keep }
    let others = facts.pods.filter { $0.hash != facts.hash }
    guard others.isEmpty || others.contains(where: \.isReady) else { return .keep }
    let left = since + grace - facts.now
    if left > 0 { return .watch(retryAfterSeconds: left) }
    // Between two crashes a container runs for a while, or has just ended; then it waits, and that tells why.
    if let failure = instrumented.compactMap(\.lastFailure).max(), facts.now - failure < longestBackOff {
      return .watch(retryAfterSeconds: crashPatience)
    }
    let text =
      "Agents were taken back: all pods were ready without them, and none of the \(started.count) pods with them has "
      + "been for \(grace) s. \(advice)"
    return .rollBack(Reason(.readinessLost, text))
  }

  private static let advice =
    "To try again, change the annotation \(OdigosAnnotation.rollbackRecovery) of its Source."

  /// Kubernetes waits at most so long before it starts a crashing container again.
  private static let longestBackOff = 300
  /// How long until a pod that has crashed is looked at again.
  private static let crashPatience = 2

  /// Why agents are kept from a workload that has none yet: its pods do not run as they are, so nobody could tell
  /// whether the agents do harm. Nil when nothing speaks against it.
  public static func withholding(_ pods: [PodFacts], now: Int) -> Reason? {
    let plain = pods.filter(\.hash.isEmpty).sorted { $0.name < $1.name }
    for pod in plain {
      // Between two crashes the container runs for a while.
      let crashes = pod.lastCrash.map { now - $0 < longestBackOff } ?? false
      guard let trouble = pod.trouble ?? (crashes ? .crashLoop : nil) else { continue }
      let text =
        "Pod \(pod.name) is in \(trouble.code.rawValue) without agents; the workload gets them once its pods run."
      return Reason(trouble.code, text)
    }
    return nil
  }

  /// What tells whether the containers of a pod template are the same ones as before.
  public static func digest(ofContainers containers: JSONValue) -> String {
    SHA256.hexPrefix(of: containers.canonicallySerialized(), bytes: 8)
  }
}
