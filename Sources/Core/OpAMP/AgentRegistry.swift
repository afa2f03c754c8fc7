/// The agents of a node: the server's side of OpAMP as a state machine without I/O or clock.
///
/// Messages come in with the time and the connection that they came over; answers, and the places whose state is
/// another one, go out. Where an agent runs is found out by others (`Outcome.locate`), for that needs I/O.
public struct AgentRegistry<Place: Hashable & Sendable>: Sendable {
  /// What comes of a message.
  public enum Outcome: Sendable, Equatable {
    /// This is the answer.
    case answer(ServerToAgent)
    /// The sender is not known, or speaks over another connection than before: it has to be found out where it runs,
    /// and `admit` called.
    case locate(AgentDescription)
  }

  private var sessions: [[UInt8]: AgentSession<Place>] = [:]
  private var uids: [Place: [UInt8]] = [:]
  /// Places whose agents should come back, by the time until when.
  private var expected: [Place: Duration] = [:]
  /// Places whose agents have not come back.
  private var lost: Set<Place> = []
  /// Places whose state has changed since `takeChanges`.
  private var changes: Set<Place> = []
  private var lastTick: Duration?
  /// The most agents.
  private let capacity: Int

  /// Nobody.
  public init(capacity: Int = 4096) { self.capacity = capacity }

  /// How many agents there are.
  public var count: Int { sessions.count }

  /// The places whose state has changed since the last call; each has a session, or is lost, or is gone.
  public mutating func takeChanges() -> Set<Place> {
    defer { changes = [] }
    return changes
  }

  /// The agent at a place.
  public func session(at place: Place) -> AgentSession<Place>? { uids[place].flatMap { sessions[$0] } }

  /// Whether an agent runs at a place, as far as is known, and does not speak since the server started.
  public func isLost(_ place: Place) -> Bool { lost.contains(place) }

  /// The places of all agents, and of those that are expected.
  public var places: Set<Place> { Set(uids.keys).union(expected.keys).union(lost) }

  // MARK: Messages

  /// Takes a message. `endpoint` is the address by which the agent reached the server.
  public mutating func receive(
    _ message: AgentToServer, from peer: String, endpoint: String, at now: Duration
  ) -> Outcome {
    let uid = message.instanceUID
    guard (1...64).contains(uid.count) else {
      return .answer(
        ServerToAgent(
          to: Array(uid.prefix(64)), error: .badRequest("instance_uid has \(uid.count) bytes; it must have 16")))
    }
    guard let session = sessions[uid], session.peer == peer else {
      if let description = message.description { return .locate(description) }
      var answer = ServerToAgent(to: uid)
      if !message.isDisconnect { answer.flags.insert(.reportFullState) }
      return .answer(answer)
    }
    guard sessions[uid]?.rate.take(at: now) == true else {
      return .answer(
        ServerToAgent(
          to: uid, error: .unavailable("more than 20 messages a second", retryAfter: .seconds(1))))
    }
    return .answer(take(message, uid, endpoint: endpoint, at: now, isFirst: false))
  }

  /// Takes the message of an agent of which it was found out where it runs. `newUID` is given to one whose instance
  /// UID another place has already, as a process has that was forked.
  public mutating func admit(
    _ message: AgentToServer, at place: Place, from peer: String, endpoint: String, config: RemoteConfig?,
    newUID: [UInt8], at now: Duration
  ) -> ServerToAgent {
    let uid = message.instanceUID
    if let other = sessions[uid], other.place != place {
      var answer = ServerToAgent(to: uid)
      answer.newInstanceUID = newUID
      answer.flags.insert(.reportFullState)
      return answer
    }
    if message.isDisconnect, message.health?.own.isHealthy != false {
      drop(place)
      return ServerToAgent(to: uid)
    }
    if sessions[uid] == nil {
      guard sessions.count < capacity || uids[place] != nil else {
        return ServerToAgent(
          to: uid, error: .unavailable("the node has \(capacity) agents already", retryAfter: .seconds(30)))
      }
      if let before = uids[place] { sessions[before] = nil }
      sessions[uid] = AgentSession(message, at: place, from: peer, now: now)
      uids[place] = uid
      expected[place] = nil
      lost.remove(place)
      changes.insert(place)
    }
    sessions[uid]?.peer = peer
    sessions[uid]?.config = config
    var answer = take(message, uid, endpoint: endpoint, at: now, isFirst: true)
    if message.flags.contains(.requestInstanceUID) { answer.newInstanceUID = newUID }
    return answer
  }

  private mutating func take(
    _ message: AgentToServer, _ uid: [UInt8], endpoint: String, at now: Duration, isFirst: Bool
  ) -> ServerToAgent {
    guard var session = sessions[uid] else { return ServerToAgent(to: uid) }
    let before = session
    let isNext = message.sequenceNumber == session.sequenceNumber &+ 1
    // The same number again is a message that was sent twice because its answer was lost.
    let isRepeated = message.sequenceNumber == session.sequenceNumber
    session.sequenceNumber = message.sequenceNumber
    session.lastHeard = now
    session.phase = .connected
    session.capabilities = message.capabilities
    session.report.take(message)
    if message.isDisconnect {
      guard session.report.health?.own.isHealthy == false else {
        drop(session.place)
        return ServerToAgent(to: uid)
      }
      session.phase = .disconnected
    }
    var answer = ServerToAgent(to: uid)
    // What was lost with the messages between is not known; a message that has everything tells it.
    if !isFirst, !isNext, !isRepeated, message.description == nil { answer.flags.insert(.reportFullState) }
    if let config = session.dueConfig() {
      answer.remoteConfig = config
      session.sentHash = config.hash
    }
    if isFirst || message.description != nil, session.takesHeartbeatInterval {
      answer.connectionSettings = Self.heartbeats(endpoint)
    }
    sessions[uid] = session
    if session.report != before.report || session.phase != before.phase || isFirst { changes.insert(session.place) }
    return answer
  }

  private static func heartbeats(_ endpoint: String) -> ConnectionSettings {
    var settings = ConnectionSettings()
    settings.heartbeat.endpoint = endpoint
    settings.heartbeat.intervalSeconds = HeartbeatTiming.intervalSeconds
    settings.hash = Array("heartbeat=\(HeartbeatTiming.intervalSeconds)".utf8)
    return settings
  }

  // MARK: What others tell

  /// The configuration for agents has changed: each gets the new one with its next answer.
  public mutating func configure(_ places: (Place) -> Bool, with config: (AgentSession<Place>) -> RemoteConfig?) {
    for (uid, session) in sessions where places(session.place) { sessions[uid]?.config = config(session) }
  }

  /// An agent ran at that place before the server started, and is expected to come back.
  public mutating func expect(_ place: Place, at now: Duration) {
    guard uids[place] == nil else { return }
    expected[place] = now + HeartbeatTiming.defaultPatience
  }

  /// Nothing runs at that place any more.
  public mutating func remove(_ place: Place) { drop(place) }

  /// Time has passed: notices who has fallen silent. Call it about once a second. Agents whose end nobody else can
  /// notice (`isWatched` is false) are gone after the longest patience.
  public mutating func tick(at now: Duration, isWatched: (Place) -> Bool) {
    // While we did not run, nobody could be heard.
    let pause = lastTick.map { now - $0 } ?? .zero
    lastTick = now
    if pause > .seconds(4) {
      for uid in sessions.keys { sessions[uid]?.lastHeard += pause }
    }
    for (uid, session) in sessions where session.phase != .disconnected {
      let silence = now - session.lastHeard
      guard silence > session.patience else { continue }
      if silence > HeartbeatTiming.defaultPatience, !isWatched(session.place) {
        drop(session.place)
      } else if session.phase == .connected {
        sessions[uid]?.phase = .silent
        changes.insert(session.place)
      }
    }
    for (place, deadline) in expected where deadline < now {
      expected[place] = nil
      if isWatched(place) { lost.insert(place) }
      changes.insert(place)
    }
  }

  private mutating func drop(_ place: Place) {
    if let uid = uids.removeValue(forKey: place) { sessions[uid] = nil }
    expected[place] = nil
    lost.remove(place)
    changes.insert(place)
  }
}
