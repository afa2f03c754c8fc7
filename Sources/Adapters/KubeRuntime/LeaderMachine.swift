import KubeClient

/// The decisions of leader election, after client-go's algorithm, as a value without I/O.
///
/// Clocks of different machines need not agree: how long a holder has been silent is measured from when we saw its
/// record change, never from the times written in it.
public struct LeaderMachine: Sendable {
  /// What happened.
  public enum Event: Sendable, Equatable {
    /// The time of `wait` is over, or the driver runs.
    case due
    /// The Lease was read.
    case found(LeaseRecord, version: String)
    /// There is no Lease.
    case absent
    /// The Lease was created or replaced as asked for.
    case written(LeaseRecord, version: String)
    /// Reading or writing failed; `isConflict` when someone else wrote first.
    case failed(isConflict: Bool)
    /// This process ends.
    case resign
  }

  /// What is to be done. Requests are given up after `timeout`.
  public enum Action: Sendable, Equatable {
    case read(timeout: Duration)
    case create(LeaseRecord, timeout: Duration)
    case replace(LeaseRecord, version: String, timeout: Duration)
    case wait(Duration)
    /// We lead from now on.
    case lead
    /// We lead no longer; what leads is to end before anything else happens.
    case stepDown
  }

  /// How long others keep away, how long we go on without a renewal, and how often we try.
  public struct Timing: Sendable, Equatable {
    /// How long a holder may be silent before others take over.
    public var lease: Duration
    /// How long we lead without a successful renewal; less than `lease`.
    public var renewDeadline: Duration
    /// How often we try.
    public var retry: Duration
    /// How often we look while somebody else leads: a lease that is released is taken about that soon.
    public var look: Duration
    /// Makes the timing; without `look` we look as often as we try.
    public init(lease: Duration, renewDeadline: Duration, retry: Duration, look: Duration? = nil) {
      self.lease = lease
      self.renewDeadline = renewDeadline
      self.retry = retry
      self.look = look ?? retry
    }
  }

  private struct Observation: Sendable {
    var record: LeaseRecord
    var version: String
    var at: ContinuousClock.Instant
  }

  /// Whether we lead.
  public private(set) var isLeading = false
  private let identity: String
  private let timing: Timing
  private var observed: Observation?
  /// When the request began that last renewed the lease: the server's time for us runs from then at the earliest.
  private var renewedAt: ContinuousClock.Instant?
  private var attemptedAt: ContinuousClock.Instant?
  /// A write went out whose end is not known: the lease may be ours.
  private var isWriteOpen = false
  private var isResigning = false

  /// A machine for `identity`.
  public init(identity: String, timing: Timing) {
    self.identity = identity
    self.timing = timing
  }

  /// Who held the lease when it was last seen.
  public var holder: String? { observed?.record.holder }

  /// Takes an event. `wall` is the wall clock's time, which is only written into records; `random` is from 0 up to 1.
  public mutating func receive(
    _ event: Event, at now: ContinuousClock.Instant, wall: KubeTime, random: Double
  ) -> [Action] {
    if isResigning { return givingBack(event, wall) }
    switch event {
    case .due:
      if isOverdue(now) { return stepDown(random) }
      attemptedAt = now
      // A leader knows what it wrote: it renews without reading.
      guard isLeading, let observed else { return [.read(timeout: timeLeft(now))] }
      return [replace(observed, now, wall)]
    case .found(let record, let version): return found(record, version, now, wall, random)
    case .absent:
      observed = nil
      if isOverdue(now) { return stepDown(random) }
      isWriteOpen = true
      return [.create(record(after: nil, wall), timeout: timeLeft(now))]
    case .written(let record, let version):
      isWriteOpen = false
      observed = Observation(record: record, version: version, at: now)
      renewedAt = attemptedAt ?? now
      if isLeading { return isOverdue(now) ? stepDown(random) : [.wait(timing.retry)] }
      isLeading = true
      return [.lead, .wait(timing.retry)]
    case .failed(let isConflict):
      if isConflict { isWriteOpen = false }
      if isOverdue(now) { return stepDown(random) }
      guard isLeading else { return [.wait(jittered(random))] }
      if isConflict {
        observed = nil
        return [.read(timeout: timeLeft(now))]
      }
      return [.wait(min(timing.retry, timeLeft(now)))]
    case .resign: return resign(wall)
    }
  }

  private mutating func found(
    _ record: LeaseRecord, _ version: String, _ now: ContinuousClock.Instant, _ wall: KubeTime, _ random: Double
  ) -> [Action] {
    let seenAt = observed?.record == record ? observed?.at ?? now : now
    let observation = Observation(record: record, version: version, at: seenAt)
    observed = observation
    let isOthers = !record.holder.isEmpty && record.holder != identity
    if isOthers, isLeading { return stepDown(random) }
    if isOthers, now - seenAt < .seconds(record.durationSeconds) { return [.wait(timing.look * (1 + 0.2 * random))] }
    if isOverdue(now) { return stepDown(random) }
    return [replace(observation, now, wall)]
  }

  private mutating func replace(
    _ observed: Observation, _ now: ContinuousClock.Instant, _ wall: KubeTime
  ) -> Action {
    isWriteOpen = true
    return .replace(record(after: observed.record, wall), version: observed.version, timeout: timeLeft(now))
  }

  private func record(after previous: LeaseRecord?, _ wall: KubeTime) -> LeaseRecord {
    var record = LeaseRecord(
      holder: identity, durationSeconds: Int(timing.lease.components.seconds), acquired: wall, renewed: wall)
    guard let previous else { return record }
    record.transitions = previous.transitions
    if previous.holder == identity {
      record.acquired = previous.acquired ?? wall
    } else {
      record.transitions += 1
    }
    return record
  }

  private mutating func stepDown(_ random: Double) -> [Action] {
    isLeading = false
    renewedAt = nil
    return [.stepDown, .wait(jittered(random))]
  }

  /// Gives the lease back, so that the next one need not wait for its end.
  private mutating func resign(_ wall: KubeTime) -> [Action] {
    let wasLeading = isLeading
    isResigning = true
    isLeading = false
    let end: [Action] = wasLeading ? [.stepDown] : []
    // Also a leader that was just looking who came between may still hold the lease.
    if isWriteOpen || (wasLeading && observed == nil) { return end + [.read(timeout: timing.retry)] }
    guard wasLeading, let observed else { return end }
    return end + [released(observed.record, observed.version, wall)]
  }

  private mutating func givingBack(_ event: Event, _ wall: KubeTime) -> [Action] {
    switch event {
    case .found(let record, let version): record.holder == identity ? [released(record, version, wall)] : []
    // Our last renewal may have come between.
    case .failed(isConflict: true): [.read(timeout: timing.retry)]
    default: []
    }
  }

  private func released(_ record: LeaseRecord, _ version: String, _ wall: KubeTime) -> Action {
    .replace(
      LeaseRecord(holder: "", durationSeconds: 1, acquired: wall, renewed: wall, transitions: record.transitions),
      version: version, timeout: timing.retry)
  }

  private func isOverdue(_ now: ContinuousClock.Instant) -> Bool {
    guard isLeading, let renewedAt else { return false }
    return now - renewedAt >= timing.renewDeadline
  }

  private func timeLeft(_ now: ContinuousClock.Instant) -> Duration {
    guard isLeading, let renewedAt else { return timing.renewDeadline }
    return max(.milliseconds(1), timing.renewDeadline - (now - renewedAt))
  }

  private func jittered(_ random: Double) -> Duration { timing.retry + timing.retry * (1.2 * random) }
}
