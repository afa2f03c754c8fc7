/// The restarts of other workloads that one workload has to consider. Everything in it is read from objects of the
/// cluster, so that a new leader knows as much as the one before.
public struct RolloutQueue: Sendable, Hashable {
  /// A workload that waits for its turn.
  public struct Waiting: Sendable, Hashable, Comparable {
    /// The workload.
    public var workload: WorkloadReference
    /// Since when, in seconds since 1970: when its agents changed.
    public var since: Int

    /// Names a waiting workload.
    public init(_ workload: WorkloadReference, since: Int) {
      self.workload = workload
      self.since = since
    }

    /// Who waits longer comes first; of those that wait equally long the order is that of their names.
    public static func < (left: Waiting, right: Waiting) -> Bool {
      (left.since, left.workload) < (right.since, right.workload)
    }
  }

  /// How many other workloads are being restarted by us.
  public var ongoing: Int
  /// The other workloads that wait for their turn, in any order.
  public var waiting: [Waiting]
  /// How the other workloads of the same namespace fare, where one of them has to try out the agents first.
  public var peers: [CanaryPeer]

  /// Gathers what the others do.
  public init(ongoing: Int = 0, waiting: [Waiting] = [], peers: [CanaryPeer] = []) {
    self.ongoing = ongoing
    self.waiting = waiting
    self.peers = peers
  }

  /// Why `own` has to wait, with at most `limit` restarts at a time (0 for no limit); nil when it is its turn.
  func obstacle(for own: Waiting, limit: Int) -> String? {
    guard limit > 0 else { return nil }
    let ahead = waiting.count { $0 < own }
    guard ongoing + ahead >= limit else { return nil }
    let others = ahead == 0 ? "" : ", and \(ahead) wait longer than this one"
    return "\(ongoing) workloads are being restarted\(others); at most \(limit) may be at a time "
      + "(rollout.maxConcurrentRollouts)."
  }
}
