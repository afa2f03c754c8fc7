/// Pods that came without their agents, or with old ones, although their workload was restarted for the present ones:
/// the webhook was away, or a replica of it did not know of the change yet. Nothing but making them anew helps.
enum MissedPods {
  enum Verdict: Hashable {
    /// Restart the workload once more.
    case repair
    /// Not now.
    case wait(String, retryAfterSeconds: Int)
    /// Never by itself, for this reason.
    case leave(String)
  }

  /// Decides about a workload whose rollout for the present agents has ended and which has such pods.
  ///
  /// One repair for each hash: pods that come out wrong again do so for another reason. The budget is renewed once all
  /// pods were seen as they should be (`Rollouts.settlesRepair`).
  static func decide(_ facts: RolloutFacts) -> Verdict {
    let settings = facts.configuration
    let count = facts.pods.count { $0.hash != facts.desiredHash }
    let found =
      facts.desiredHash.isEmpty
      ? "\(count) pods still have agents after a restart." : "\(count) pods came without the present agents."
    guard settings.repairMissedPods else {
      return .leave("\(found) Repair is off (rollout.repairMissedPods); \(facts.restartAdvice)")
    }
    if facts.repairedHash == facts.desiredHash {
      return .leave("\(found) Another restart did not help, so the cause is none that a restart removes.")
    }
    guard facts.isWebhookServing || facts.desiredHash.isEmpty else {
      return .wait("\(found) They are made anew once the webhook serves.", retryAfterSeconds: Rollouts.settleSeconds)
    }
    if facts.recentRepairs >= settings.maxRepairsPerMinute {
      return .wait(
        "\(found) \(facts.recentRepairs) workloads were repaired in the last minute, the limit "
          + "(rollout.maxRepairsPerMinute).", retryAfterSeconds: 10)
    }
    return .repair
  }
}
