import OpAMP

/// Which objects are written next, and when: a value without a clock.
///
/// All share one allowance. When it does not suffice, those go first without which something untrue is told: who is
/// unhealthy and not yet said to be, who is gone, who is well again. Then who is new, and last what only says more of
/// somebody. Every tenth write is for whoever has waited longest, whatever it is: agents that are well one second and
/// unwell the next shall not keep the others waiting for ever.
///
/// What only says more has an allowance of its own as well, with a small burst: such changes come to all agents of a
/// cluster at once, by a rule for many, and what has gathered for the others is not theirs.
struct WriteSchedule<Key: Hashable & Sendable>: Sendable {
  /// Why an object is to be written, the most urgent first.
  enum Urgency: Int, Sendable, CaseIterable {
    /// It is unhealthy, and nobody knows.
    case unhealthy
    /// It is no more.
    case gone
    /// It is better than it is said to be.
    case better
    /// There is no object of it.
    case new
    /// It is as well as it is said to be, and something else has changed.
    case details
  }

  private struct Request: Sendable {
    var key: Key
    /// Its number: the smaller, the longer it has waited.
    var number: Int
  }
  /// Who waits with an urgency, in order; also those that do not wait any more, until it would be their turn.
  private struct Line: Sendable {
    private var requests: [Request] = []
    private var head = 0
    var first: Request? { head < requests.count ? requests[head] : nil }
    mutating func append(_ request: Request) { requests.append(request) }
    mutating func removeFirst() {
      head += 1
      guard head > 64, head * 2 > requests.count else { return }
      requests.removeSubrange(..<head)
      head = 0
    }
  }
  private struct Turn {
    var key: Key
    var isForDetails: Bool
  }

  /// How many are written a second in the long run; a new object takes two calls.
  static var perSecond: Double { 40 }
  /// How many may be written at once after a rest: half of 400 processes that start together.
  static var burst: Double { 200 }
  /// How many of these may be details.
  static var burstOfDetails: Double { 50 }
  /// How many are written at the same time.
  static var writers: Int { 4 }
  private static var fairTurn: Int { 10 }

  private var lines = [Line](repeating: Line(), count: Urgency.allCases.count)
  private var waiting: [Key: (urgency: Urgency, number: Int)] = [:]
  private var granted: Set<Key> = []
  private var all: TokenBucket
  private var details: TokenBucket
  private var nextNumber = 0
  private var grants = 0

  init(now: Duration) {
    all = TokenBucket(perSecond: Self.perSecond, burst: Self.burst, now: now)
    details = TokenBucket(perSecond: Self.perSecond, burst: Self.burstOfDetails, now: now)
  }

  /// How many wait.
  var count: Int { waiting.count }

  /// Wants an object to be written. One that waits with that urgency already keeps its place.
  mutating func ask(_ key: Key, _ urgency: Urgency) {
    guard !granted.contains(key), waiting[key]?.urgency != urgency else { return }
    lines[urgency.rawValue].append(Request(key: key, number: nextNumber))
    waiting[key] = (urgency, nextNumber)
    nextNumber += 1
  }

  /// There is nothing to be written of it any more.
  mutating func withdraw(_ key: Key) { waiting[key] = nil }

  /// Whether it waits, or it is its turn.
  func has(_ key: Key) -> Bool { waiting[key] != nil || granted.contains(key) }

  /// Whether it is its turn.
  func isGranted(_ key: Key) -> Bool { granted.contains(key) }

  /// Its turn is over.
  mutating func finish(_ key: Key) { granted.remove(key) }

  /// Whose turn it is from now on, until `finish`.
  mutating func grant(at now: Duration) -> [Key] {
    var keys: [Key] = []
    while let turn = next(), delay(of: turn, at: now) == .zero {
      _ = all.take(at: now)
      if turn.isForDetails { _ = details.take(at: now) }
      waiting[turn.key] = nil
      granted.insert(turn.key)
      grants += 1
      keys.append(turn.key)
    }
    return keys
  }

  /// Who is next, and in how long; nil where that depends on who asks or finishes.
  mutating func delay(at now: Duration) -> (key: Key, delay: Duration)? {
    next().map { ($0.key, delay(of: $0, at: now)) }
  }

  private func delay(of turn: Turn, at now: Duration) -> Duration {
    max(all.delay(at: now), turn.isForDetails ? details.delay(at: now) : .zero)
  }

  private mutating func next() -> Turn? {
    guard granted.count < Self.writers else { return nil }
    let firsts = Urgency.allCases.compactMap { urgency in first(of: urgency).map { (urgency, $0) } }
    let isFair = grants % Self.fairTurn == Self.fairTurn - 1
    guard let (urgency, request) = isFair ? firsts.min(by: { $0.1.number < $1.1.number }) : firsts.first else {
      return nil
    }
    return Turn(key: request.key, isForDetails: urgency == .details && !isFair)
  }

  private mutating func first(of urgency: Urgency) -> Request? {
    while let request = lines[urgency.rawValue].first {
      if waiting[request.key]?.number == request.number { return request }
      lines[urgency.rawValue].removeFirst()
    }
    return nil
  }
}
