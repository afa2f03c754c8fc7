import Concurrency
import KubeClient
import Logging

/// Asks to be called again.
public enum ReconcileResult: Sendable, Equatable {
  case done
  case requeue(after: Duration)
}

/// A keyed queue (a key waits at most once and is never worked on twice at once; failures back off 0.1 s … 60 s) and
/// the workers that call `reconcile` with its keys.
public final class Controller<Key: Hashable & Sendable>: Sendable {
  private struct State: Sendable {
    var queue = WorkQueue<Key>()
    var idle: [(id: Int, continuation: CheckedContinuation<Key?, Never>)] = []
    var nextWorker = 0
    var timer: Task<Void, Never>?
    var timerDue: ContinuousClock.Instant?
  }

  private let state = Locked(State())
  private let name: String
  private let workers: Int
  private let logger: Logger
  private let reconcile: @Sendable (Key) async throws -> ReconcileResult

  /// Makes the controller; nothing runs before `run`.
  public init(
    name: String, workers: Int = 1, logger: Logger,
    reconcile: @escaping @Sendable (Key) async throws -> ReconcileResult
  ) {
    self.name = name
    self.workers = max(1, workers)
    var logger = logger
    logger[metadataKey: "controller"] = "\(name)"
    self.logger = logger
    self.reconcile = reconcile
  }

  /// Asks for a key to be reconciled. Keys that come before `run` wait for it.
  public func enqueue(_ key: Key) { change { $0.add(key) } }

  /// Asks for a key to be reconciled at the latest after `delay`.
  public func enqueue(_ key: Key, after delay: Duration) { change { $0.add(key, at: .now + delay) } }

  /// How many keys wait to be worked on.
  public var depth: Int { state.withLock { $0.queue.count } }

  /// Works until the task is cancelled, and returns once what runs has ended.
  public func run() async {
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<workers { group.addTask { await self.work() } }
    }
    let timer = state.withLock { state in
      defer {
        state.timer = nil
        state.timerDue = nil
      }
      return state.timer
    }
    timer?.cancel()
  }

  private func work() async {
    while let key = await next() {
      var outcome = WorkQueue<Key>.Outcome.done
      do {
        if case .requeue(let delay) = try await reconcile(key) { outcome = .requeue(after: delay) }
      } catch {
        outcome = .failed
        if !Task.isCancelled { report(error, key) }
      }
      let result = outcome
      change { $0.finish(key, result, at: .now) }
    }
  }

  /// A conflict is the usual end of a race with another writer and no matter for people.
  private func report(_ error: any Error, _ key: Key) {
    let level: Logger.Level = (error as? KubeError)?.isConflict == true ? .debug : .warning
    logger.log(level: level, "\(key): \(error); trying again")
  }

  /// Nil once the task is cancelled.
  private func next() async -> Key? {
    let id = state.withLock { state in
      state.nextWorker += 1
      return state.nextWorker
    }
    let key = await withTaskCancellationHandler {
      await withCheckedContinuation { (continuation: CheckedContinuation<Key?, Never>) in
        let isCancelled = state.withLock { state in
          if Task.isCancelled { return true }
          state.idle.append((id, continuation))
          return false
        }
        if isCancelled { continuation.resume(returning: nil) } else { change { _ in } }
      }
    } onCancel: {
      let waiting = state.withLock { state in
        state.idle.firstIndex { $0.id == id }.map { state.idle.remove(at: $0).continuation }
      }
      waiting?.resume(returning: nil)
    }
    return key
  }

  /// Changes the queue, hands keys to idle workers and sets the timer for the first delayed key.
  private func change(_ body: @Sendable (inout WorkQueue<Key>) -> Void) {
    let ready = state.withLock { state in
      body(&state.queue)
      var ready: [(CheckedContinuation<Key?, Never>, Key)] = []
      while !state.idle.isEmpty, let key = state.queue.take(at: .now) {
        ready.append((state.idle.removeFirst().continuation, key))
      }
      setTimer(&state)
      return ready
    }
    for (worker, key) in ready { worker.resume(returning: key) }
  }

  private func setTimer(_ state: inout State) {
    // Without an idle worker nobody could take the key; the one that becomes idle looks itself.
    let due = state.idle.isEmpty ? nil : state.queue.nextDue
    guard due != state.timerDue else { return }
    state.timer?.cancel()
    state.timerDue = due
    state.timer = due.map { due in
      Task { [weak self] in
        do { try await Task.sleep(until: due, clock: .continuous) } catch { return }
        self?.fire()
      }
    }
  }

  private func fire() {
    state.withLock { $0.timerDue = nil }
    change { _ in }
  }
}
