import Concurrency
import KubeletPlugin
import ServiceShell

/// What the odiglet needs before pods may rely on its node. Told to the probes and to the health service of the device
/// plugin's socket alike, and followed by the node's label.
final class Readiness: Sendable {
  private struct State {
    var missing: Set<String>
    var observers: [@Sendable () -> Void] = []
  }
  private let health: HealthState
  private let status: ServingStatus
  private let state: Locked<State>

  init(health: HealthState, status: ServingStatus) {
    self.health = health
    self.status = status
    let all = [ReadinessCondition.agentFiles, ReadinessCondition.devicePlugin, ReadinessCondition.informers]
    state = Locked(State(missing: Set(all)))
    for condition in all { health.setReady(condition, false) }
  }

  /// Whether every condition is met.
  var isReady: Bool { state.withLock { $0.missing.isEmpty } }

  /// Whether a condition is met.
  func isMet(_ condition: String) -> Bool { state.withLock { !$0.missing.contains(condition) } }

  /// Calls `observer` after every change, on whichever thread that came from.
  func onChange(_ observer: @escaping @Sendable () -> Void) { state.withLock { $0.observers.append(observer) } }

  /// Says whether a condition is met.
  func set(_ condition: String, _ isMet: Bool) {
    health.setReady(condition, isMet)
    let observers = state.withLock { state in
      if isMet { state.missing.remove(condition) } else { state.missing.insert(condition) }
      // Under the lock, so that two changes cannot overtake one another.
      status.set(state.missing.isEmpty)
      return state.observers
    }
    for observer in observers { observer() }
  }
}
