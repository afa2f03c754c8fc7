import Concurrency

/// Lets one task at a time through, in the order in which they come. A task that is cancelled while it waits still
/// gets its turn, and so has to release.
final class AsyncLock: Sendable {
  private struct State: Sendable {
    var isHeld = false
    var waiters: [CheckedContinuation<Void, Never>] = []
  }
  private let state = Locked(State())

  /// Waits for the turn.
  func acquire() async {
    await withCheckedContinuation { continuation in
      let isFree = state.withLock { state in
        if state.isHeld {
          state.waiters.append(continuation)
          return false
        }
        state.isHeld = true
        return true
      }
      if isFree { continuation.resume() }
    }
  }

  /// Gives the turn to the next.
  func release() {
    let next = state.withLock { state in
      if state.waiters.isEmpty {
        state.isHeld = false
        return CheckedContinuation<Void, Never>?.none
      }
      return state.waiters.removeFirst()
    }
    next?.resume()
  }
}
