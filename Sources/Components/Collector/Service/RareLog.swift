import Concurrency
import Logging

/// Logs what may happen thousands of times a second at most once in ten seconds, with the number of those left out.
final class RareLog: Sendable {
  private struct State {
    var last: ContinuousClock.Instant?
    var suppressed = 0
  }

  private static let interval: Duration = .seconds(10)
  private let logger: Logger
  private let state = Locked(State())

  init(_ logger: Logger) { self.logger = logger }

  func warning(_ message: @autoclosure () -> String) {
    let now = ContinuousClock.now
    let suppressed = state.withLock { state -> Int? in
      if let last = state.last, now - last < Self.interval {
        state.suppressed += 1
        return nil
      }
      state.last = now
      defer { state.suppressed = 0 }
      return state.suppressed
    }
    guard let suppressed else { return }
    let text = message()
    logger.warning("\(suppressed == 0 ? text : "\(text) (and \(suppressed) more such events before)")")
  }
}
