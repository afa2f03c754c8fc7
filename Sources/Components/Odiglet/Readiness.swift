import Concurrency
import ServiceShell

/// What the odiglet needs before pods may rely on its node, told to the probes, and awaited by the node's label.
final class Readiness: Sendable {
  private struct State {
    var missing: Set<String>
    var isFirstReady = false
    var continuation: AsyncStream<Void>.Continuation
  }
  private let health: HealthState
  private let state: Locked<State>
  private let firstReady: AsyncStream<Void>

  init(health: HealthState) {
    self.health = health
    let all = [ReadinessCondition.agentFiles, ReadinessCondition.devicePlugin, ReadinessCondition.informers]
    let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
    firstReady = stream
    state = Locked(State(missing: Set(all), continuation: continuation))
    for condition in all { health.setReady(condition, false) }
  }

  /// Says whether a condition is met.
  func set(_ condition: String, _ isMet: Bool) {
    health.setReady(condition, isMet)
    state.withLock { state in
      if isMet { state.missing.remove(condition) } else { state.missing.insert(condition) }
      guard state.missing.isEmpty, !state.isFirstReady else { return }
      state.isFirstReady = true
      state.continuation.yield()
    }
  }

  /// Waits until every condition is met for the first time; false when the task is cancelled before.
  func wait() async -> Bool {
    for await _ in firstReady { return true }
    return false
  }
}
