/// One agent that speaks with the server: what it has said, what it was told, and whether it is still there.
public struct AgentSession<Place: Hashable & Sendable>: Sendable {
  /// Whether the agent is there.
  public enum Phase: Sendable, Equatable {
    /// It spoke lately.
    case connected
    /// It should have spoken, and has not.
    case silent
    /// It has said that it ends, and that something was wrong.
    case disconnected
  }

  /// Where it runs.
  public let place: Place
  /// What it has said.
  public internal(set) var report = AgentReport()
  /// What it can do.
  public internal(set) var capabilities: AgentCapabilities
  /// Whether it is there.
  public internal(set) var phase = Phase.connected
  /// What it is to do; nil where nothing is known for it.
  public internal(set) var config: RemoteConfig?
  /// When it spoke last.
  public internal(set) var lastHeard: Duration
  /// Over which connection it spoke last, in words that tell it from others.
  var peer: String
  var sequenceNumber: UInt64
  /// The hash of the configuration that was sent last.
  var sentHash: [UInt8]?
  var rate: TokenBucket

  init(_ message: AgentToServer, at place: Place, from peer: String, now: Duration) {
    self.place = place
    self.peer = peer
    capabilities = message.capabilities
    sequenceNumber = message.sequenceNumber
    lastHeard = now
    rate = TokenBucket(perSecond: 20, burst: 60, now: now)
  }

  /// How long it may be silent. Who can be told how often to speak is; others speak every 30 s by OpAMP's default,
  /// and miss two of these.
  public var patience: Duration { takesHeartbeatInterval ? HeartbeatTiming.patience : HeartbeatTiming.defaultPatience }

  /// Whether it speaks as often as it is told.
  var takesHeartbeatInterval: Bool { capabilities.isSuperset(of: [.reportsHeartbeat, .acceptsConnectionSettings]) }

  /// The configuration, where the agent has not got it yet. One that it failed to apply counts as got.
  func dueConfig() -> RemoteConfig? {
    guard let config, !config.hash.isEmpty else { return nil }
    // Agents that say nothing of what they can do are of before there were words for it: they take it.
    guard capabilities.isEmpty || capabilities.contains(.acceptsRemoteConfig) else { return nil }
    if let status = report.remoteConfigStatus { return status.lastHash == config.hash ? nil : config }
    return sentHash == config.hash ? nil : config
  }
}

/// How often agents speak.
public enum HeartbeatTiming {
  /// How often those speak that can be told.
  public static let intervalSeconds: UInt64 = 3
  /// How long those may be silent: two messages may be lost or late, and the truth is told within ten seconds.
  public static let patience = Duration.seconds(8)
  /// How long others may be silent, whose interval is 30 s.
  public static let defaultPatience = Duration.seconds(75)
}

/// Lets a number of events through at once, and so many a second in the long run.
public struct TokenBucket: Sendable {
  private var tokens: Double
  private var filled: Duration
  private let perSecond: Double
  private let burst: Double

  /// A full bucket.
  public init(perSecond: Double, burst: Double, now: Duration) {
    self.perSecond = perSecond
    self.burst = burst
    tokens = burst
    filled = now
  }

  /// Takes a token; false when there is none.
  public mutating func take(at now: Duration) -> Bool {
    fill(now)
    guard tokens >= 1 else { return false }
    tokens -= 1
    return true
  }

  /// How long it takes until there is a token.
  public func delay(at now: Duration) -> Duration {
    var filled = self
    filled.fill(now)
    return filled.tokens >= 1 ? .zero : .seconds((1 - filled.tokens) / perSecond)
  }

  private mutating func fill(_ now: Duration) {
    let passed = now - filled
    guard passed > .zero else { return }
    filled = now
    let seconds = Double(passed.components.seconds) + Double(passed.components.attoseconds) * 1e-18
    tokens = min(burst, tokens + seconds * perSecond)
  }
}
