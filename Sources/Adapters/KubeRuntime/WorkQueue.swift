/// Keys to work on: a key waits at most once, is never worked on twice at once, and comes back later after a failure.
///
/// A value without a clock; the driver says what time it is.
public struct WorkQueue<Key: Hashable & Sendable>: Sendable {
  /// What came of working on a key.
  public enum Outcome: Sendable, Equatable {
    case done
    case requeue(after: Duration)
    case failed
  }

  private var ready: [Key] = []
  private var head = 0
  private var isReady: Set<Key> = []
  private var running: Set<Key> = []
  /// Asked for while being worked on.
  private var again: Set<Key> = []
  private var delayed: [Key: ContinuousClock.Instant] = [:]
  private var backoffs: [Key: Backoff] = [:]
  private let backoff: Backoff
  /// When the first of the delayed keys is due.
  public private(set) var nextDue: ContinuousClock.Instant?

  /// An empty queue; a key that fails again and again waits as `backoff` says.
  public init(backoff: Backoff = Backoff(initial: .milliseconds(100), maximum: .seconds(60))) {
    self.backoff = backoff
  }

  /// How many keys wait, delayed ones not counted.
  public var count: Int { ready.count - head }

  /// Asks for a key to be worked on as soon as possible.
  public mutating func add(_ key: Key) {
    if delayed.removeValue(forKey: key) != nil { findNextDue() }
    if running.contains(key) {
      again.insert(key)
    } else if isReady.insert(key).inserted {
      ready.append(key)
    }
  }

  /// Asks for a key to be worked on at a time, or before when there is another reason.
  public mutating func add(_ key: Key, at due: ContinuousClock.Instant) {
    if isReady.contains(key) || again.contains(key) { return }
    if let known = delayed[key], known <= due { return }
    delayed[key] = due
    if nextDue.map({ due < $0 }) ?? true { nextDue = due } else { findNextDue() }
  }

  /// The next key, which counts as being worked on until `finish`.
  public mutating func take(at now: ContinuousClock.Instant) -> Key? {
    if let nextDue, nextDue <= now {
      for (key, due) in delayed where due <= now { add(key) }
    }
    guard head < ready.count else { return nil }
    let key = ready[head]
    head += 1
    if head > 64, head * 2 > ready.count {
      ready.removeSubrange(0..<head)
      head = 0
    }
    isReady.remove(key)
    running.insert(key)
    return key
  }

  /// Says what came of a key that was taken.
  public mutating func finish(_ key: Key, _ outcome: Outcome, at now: ContinuousClock.Instant) {
    guard running.remove(key) != nil else { return }
    var due: ContinuousClock.Instant?
    switch outcome {
    case .done: backoffs[key] = nil
    case .requeue(let delay):
      backoffs[key] = nil
      due = now + delay
    case .failed:
      var failures = backoffs[key] ?? backoff
      due = now + failures.next(random: 0)
      backoffs[key] = failures
    }
    // What changed meanwhile is worth more than the wait.
    if again.remove(key) != nil { add(key) } else if let due { add(key, at: due) }
  }

  private mutating func findNextDue() { nextDue = delayed.values.min() }
}
