import Logging

// CONTRACT, to be implemented by the owner of this target.

/// Asks to be called again.
public enum ReconcileResult: Sendable, Equatable {
  case done
  case requeue(after: Duration)
}

/// A keyed queue (a key waits at most once and is never worked on twice at once; failures back off 0.1 s … 60 s) and
/// the workers that call `reconcile` with its keys.
public final class Controller<Key: Hashable & Sendable>: Sendable {
  /// Makes the controller; nothing runs before `run`.
  public init(
    name: String, workers: Int = 1, logger: Logger,
    reconcile: @escaping @Sendable (Key) async throws -> ReconcileResult
  ) {}
  /// Asks for a key to be reconciled.
  public func enqueue(_ key: Key) {}
  /// Works until the task is cancelled.
  public func run() async {}
}
