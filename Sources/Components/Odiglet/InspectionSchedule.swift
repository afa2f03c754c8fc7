/// When a container in which no known language was found is looked at again: its process may not have started its
/// runtime yet. Soon and often at first, and never for good after some minutes.
struct InspectionSchedule: Sendable {
  private struct Attempts: Sendable {
    var count = 0
    var first: Duration
    var next: Duration
  }
  private var attempts: [String: Attempts] = [:]

  /// How long a container is given to start its runtime before "unknown" is reported.
  static let patience = Duration.seconds(20)
  /// How long a container without a known language is looked at.
  static let limit = Duration.seconds(600)

  /// What is to be done about a container now.
  enum Decision: Equatable {
    case inspect
    case wait(Duration)
    case leave
  }

  /// Decides; `now` is by a monotonic clock.
  func decision(_ containerID: String, at now: Duration) -> Decision {
    guard let attempts = attempts[containerID] else { return .inspect }
    guard attempts.next - attempts.first <= Self.limit else { return .leave }
    return now >= attempts.next ? .inspect : .wait(attempts.next - now)
  }

  /// Notes that nothing was found in a container; answers whether that may be reported, because it has had its time.
  mutating func foundNothing(_ containerID: String, at now: Duration) -> Bool {
    var attempt = attempts[containerID] ?? Attempts(first: now, next: now)
    attempt.next = now + min(.milliseconds(250 << min(attempt.count, 8)), .seconds(60))
    attempt.count += 1
    attempts[containerID] = attempt
    return now - attempt.first >= Self.patience
  }

  /// Forgets containers that are not among these.
  mutating func keep(only containerIDs: Set<String>) {
    attempts = attempts.filter { containerIDs.contains($0.key) }
  }
}
