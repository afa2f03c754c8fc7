import Concurrency
import EventLoop

/// Proof that something still runs: it beats, and whoever listens hears when it has stopped.
///
/// Time in which the whole machine is suspended does not count.
public final class Heartbeat: Sendable {
  private let last = Locked(MonotonicInstant.now)
  private let limit: Duration

  /// Counts as alive until `limit` after the last beat, and from now on.
  public init(limit: Duration) { self.limit = limit }

  /// Says that it still runs.
  public func beat() { last.withLock { $0 = .now } }

  /// Whether the last beat is recent enough.
  public var isAlive: Bool { isAlive(at: .now) }

  func isAlive(at now: MonotonicInstant) -> Bool {
    last.withLock { $0.advanced(by: limit) } >= now
  }

  /// Beats from the thread of a loop, as long as that gets to its timers and the heartbeat is kept.
  public func follow(_ loop: EventLoop, every interval: Duration) {
    loop.execute { [weak self] in Self.beat(self, on: loop, interval) }
  }

  private static func beat(_ heartbeat: Heartbeat?, on loop: EventLoop, _ interval: Duration) {
    guard let heartbeat else { return }
    heartbeat.beat()
    loop.schedule(after: interval) { [weak heartbeat] in beat(heartbeat, on: loop, interval) }
  }
}
