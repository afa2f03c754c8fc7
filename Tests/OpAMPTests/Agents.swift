import OpAMP

/// A registry with one agent, at a place that is called so, and a clock.
struct Agents {
  static let uid: [UInt8] = Array(0..<16)
  static let newUID: [UInt8] = Array(16..<32)
  static let capabilities: AgentCapabilities = [
    .reportsStatus, .acceptsRemoteConfig, .reportsRemoteConfig, .reportsHealth, .reportsHeartbeat,
    .acceptsConnectionSettings,
  ]

  var registry: AgentRegistry<String>
  var now = Duration.seconds(100)
  var config: RemoteConfig?
  /// The places whose processes are watched.
  var watched: Set<String> = ["place"]

  init(capacity: Int = 100) { registry = AgentRegistry(capacity: capacity) }

  static func heartbeat(_ sequence: UInt64, capabilities: AgentCapabilities = capabilities) -> AgentToServer {
    var message = AgentToServer()
    message.instanceUID = uid
    message.sequenceNumber = sequence
    message.capabilities = capabilities
    return message
  }

  static func full(_ sequence: UInt64, capabilities: AgentCapabilities = capabilities) -> AgentToServer {
    var message = heartbeat(sequence, capabilities: capabilities)
    var description = AgentDescription()
    description.identifyingAttributes = [AgentAttribute("process.pid", .integer(1))]
    message.description = description
    return message
  }

  static func applied(_ sequence: UInt64, _ hash: UInt8, state: RemoteConfigStatus.State = .applied) -> AgentToServer {
    var message = heartbeat(sequence)
    message.remoteConfigStatus = RemoteConfigStatus(lastHash: [hash], state: state)
    return message
  }

  static func config(_ hash: UInt8) -> RemoteConfig {
    var config = RemoteConfig()
    config.hash = [hash]
    return config
  }

  mutating func say(_ message: AgentToServer, from peer: String = "peer") -> ServerToAgent {
    switch registry.receive(message, from: peer, endpoint: "http://node/v1/opamp", at: now) {
    case .answer(let answer): answer
    case .locate: admit(message, at: "place", from: peer)
    }
  }

  mutating func admit(_ message: AgentToServer, at place: String, from peer: String) -> ServerToAgent {
    registry.admit(
      message, at: place, from: peer, endpoint: "http://node/v1/opamp", config: config, newUID: Self.newUID, at: now)
  }

  @discardableResult
  mutating func introduce(
    sequence: UInt64 = 1, capabilities: AgentCapabilities = capabilities, healthy: Bool? = nil
  ) -> ServerToAgent {
    var message = Self.full(sequence, capabilities: capabilities)
    message.health = healthy.map { AgentHealth(isHealthy: $0) }
    return say(message)
  }

  /// Time passes, and a second at a time is noticed.
  mutating func pass(_ duration: Duration) {
    let end = now + duration
    while now < end {
      now = min(end, now + .seconds(1))
      let watched = watched
      registry.tick(at: now) { watched.contains($0) }
    }
  }

  mutating func changes() -> Set<String> { registry.takeChanges() }

  var verdict: AgentVerdict? { registry.session(at: "place")?.verdict }
}
