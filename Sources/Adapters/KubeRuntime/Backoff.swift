/// Waiting times that grow with each failure in a row.
public struct Backoff: Sendable, Equatable {
  /// The first waiting time.
  public var initial: Duration
  /// No waiting time is longer than this, but for the jitter.
  public var maximum: Duration
  /// Up to this share of the waiting time is added at random, so that many clients do not come back at once.
  public var jitter: Double
  /// Failures since the last reset.
  public private(set) var failures = 0

  /// Makes a backoff that doubles from `initial` to `maximum`.
  public init(initial: Duration, maximum: Duration, jitter: Double = 0) {
    self.initial = initial
    self.maximum = maximum
    self.jitter = jitter
  }

  /// The waiting time after one more failure; `random` is from 0 up to 1.
  public mutating func next(random: Double) -> Duration {
    // The exponent is bounded so that the product cannot overflow.
    let wait = min(initial * (1 << min(failures, 30)), maximum)
    failures += 1
    return wait + wait * (jitter * random)
  }

  /// It worked.
  public mutating func reset() { failures = 0 }
}
