/// A token bucket for each of many. Those that would be full again are forgotten.
public struct Allowances<Key: Hashable & Sendable>: Sendable {
  private struct Entry: Sendable {
    var bucket: TokenBucket
    var last: Duration
  }

  private var entries: [Key: Entry] = [:]
  private let perSecond: Double
  private let burst: Double
  private let capacity: Int

  /// Each of at most `capacity` may do `burst` things at once, and so many a second in the long run.
  public init(perSecond: Double, burst: Double, capacity: Int = 8192) {
    self.perSecond = perSecond
    self.burst = burst
    self.capacity = capacity
  }

  /// How many are remembered.
  public var count: Int { entries.count }

  /// Takes a token of one of them; false when there is none, or when too many others are remembered.
  public mutating func take(_ key: Key, at now: Duration) -> Bool {
    if entries[key] == nil, entries.count >= capacity {
      entries = entries.filter { now - $0.value.last < .seconds(burst / perSecond) }
      guard entries.count < capacity else { return false }
    }
    var entry = entries[key] ?? Entry(bucket: TokenBucket(perSecond: perSecond, burst: burst, now: now), last: now)
    let isTaken = entry.bucket.take(at: now)
    if isTaken { entry.last = now }
    entries[key] = entry
    return isTaken
  }

  /// How long it takes until there is a token for it.
  public func delay(_ key: Key, at now: Duration) -> Duration { entries[key]?.bucket.delay(at: now) ?? .zero }
}
