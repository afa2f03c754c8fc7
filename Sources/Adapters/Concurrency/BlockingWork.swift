import Glibc

/// Runs work that may never end on threads of its own: what belongs to containers may lie on a file system whose server
/// has stopped to answer, and nothing can end a thread that waits for it. Whoever waits here goes on without an answer;
/// the thread stays until the file system answers, so there are only so many of them; and what hangs does not count among
/// what may go on beside it.
public final class BlockingWork: Sendable {
  private let patience: Duration
  private let maximum: Int
  private let maximumHanging: Int
  private let pending = Locked(Pending())

  private struct Pending {
    var names: Set<String> = []
    /// Those of them that nobody waits for any more.
    var hanging: Set<String> = []

    mutating func end(_ name: String) {
      names.remove(name)
      hanging.remove(name)
    }
  }

  /// Work is waited for as long as `patience`; at most `maximum` pieces of it go on at once, beside `maximumHanging`
  /// that have not ended in time.
  public init(patience: Duration = .seconds(5), maximum: Int = 16, maximumHanging: Int = 64) {
    self.patience = patience
    self.maximum = maximum
    self.maximumHanging = maximumHanging
  }

  /// The pieces of work that go on now.
  public var goingOn: Set<String> { pending.withLock { $0.names } }

  /// What `body` answers; nil where it has not in time, and where an earlier piece of work of that name still goes on.
  public func run<Answer: Sendable>(_ name: String, _ body: @escaping @Sendable () -> Answer) async -> Answer? {
    let isFree = pending.withLock { pending in
      let hanging = pending.hanging.count
      return hanging < maximumHanging && pending.names.count - hanging < maximum && pending.names.insert(name).inserted
    }
    guard isFree else { return nil }
    let once = Once<Answer>()
    let timer = Task { [patience, pending] in
      // Cancelled by the answer, or with whoever waits: then the work goes on, and counts as before.
      guard (try? await Task.sleep(for: patience)) != nil else { return once.answer(nil) }
      pending.withLock { if $0.names.contains(name) { $0.hanging.insert(name) } }
      once.answer(nil)
    }
    defer { timer.cancel() }
    return await withCheckedContinuation { continuation in
      once.wait(continuation)
      let work = Work { [pending] in
        let answer = body()
        pending.withLock { $0.end(name) }
        once.answer(answer)
      }
      guard !work.start() else { return }
      pending.withLock { $0.end(name) }
      once.answer(nil)
    }
  }
}

/// The first answer, whichever comes first, to one who waits.
private final class Once<Answer: Sendable>: Sendable {
  private enum State {
    case open, waiting(CheckedContinuation<Answer?, Never>), answered(Answer?), done
  }
  private let state = Locked(State.open)

  func wait(_ continuation: CheckedContinuation<Answer?, Never>) {
    let early: Answer?? = state.withLock { state in
      guard case .answered(let answer) = state else {
        state = .waiting(continuation)
        return nil
      }
      state = .done
      return .some(answer)
    }
    if let early { continuation.resume(returning: early) }
  }

  func answer(_ answer: Answer?) {
    let continuation: CheckedContinuation<Answer?, Never>? = state.withLock { state in
      switch state {
      case .open:
        state = .answered(answer)
        return nil
      case .waiting(let continuation):
        state = .done
        return continuation
      case .answered, .done: return nil
      }
    }
    continuation?.resume(returning: answer)
  }
}

/// A thread and what it does.
private final class Work: Sendable {
  let body: @Sendable () -> Void

  init(_ body: @escaping @Sendable () -> Void) { self.body = body }

  /// Whether there was room for another thread.
  func start() -> Bool {
    var thread = pthread_t()
    let retained = Unmanaged.passRetained(self)
    guard pthread_create(&thread, nil, runWork, retained.toOpaque()) == 0 else {
      retained.release()
      return false
    }
    pthread_detach(thread)
    return true
  }
}

private func runWork(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
  guard let argument else { return nil }
  Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().body()
  return nil
}
