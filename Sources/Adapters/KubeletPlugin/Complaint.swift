/// Keeps a log readable while the same thing fails again and again: it is said when it is new, and then once a minute.
public struct Complaint: Sendable {
  private var reason: String?
  private var time: ContinuousClock.Instant?

  private static let interval = Duration.seconds(60)

  /// Nothing has been said.
  public init() {}

  /// Whether to say it now.
  public mutating func isDue(_ reason: String, at now: ContinuousClock.Instant) -> Bool {
    if reason == self.reason, let time, now - time < Self.interval { return false }
    self.reason = reason
    time = now
    return true
  }
}
