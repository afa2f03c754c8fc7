import Concurrency

/// A value that is made of objects in caches when it is asked for, and kept until they change.
///
/// What is made while they change is answered, but not kept: it may be of before. Whoever asks after the change gets
/// a value that knows it.
final class DerivedValue<Value: Sendable>: Sendable {
  private struct State: Sendable {
    var value: Value?
    /// How many changes there were.
    var changes = 0
  }

  private let state = Locked(State())
  private let make: @Sendable () -> Value

  /// - Parameter make: reads the caches and makes the value; several threads may be at it.
  init(_ make: @escaping @Sendable () -> Value) { self.make = make }

  /// The value, of the caches as they are now.
  func current() -> Value {
    let known = state.withLock { $0 }
    if let value = known.value { return value }
    let made = make()
    state.withLock { state in
      if state.changes == known.changes { state.value = made }
    }
    return made
  }

  /// Notes that the caches have changed; call it when they show the change.
  func changed() {
    state.withLock { state in
      state.changes += 1
      state.value = nil
    }
  }
}
