import ProtobufWire

/// `opamp.proto.ServerToAgent`: what the server answers.
public struct ServerToAgent: ProtobufMessage, Equatable {
  /// That of the message that is answered.
  public var instanceUID: [UInt8] = []
  /// What went wrong; nothing else is said then.
  public var error: ServerError?
  /// What the agent is to do.
  public var remoteConfig: RemoteConfig?
  /// How the agent is to speak with the server.
  public var connectionSettings: ConnectionSettings?
  /// What is asked of the agent.
  public var flags = ServerFlags()
  /// What the server can do.
  public var capabilities = ServerCapabilities()
  /// The instance UID that the agent shall have from now on; empty for the one that it has.
  public var newInstanceUID: [UInt8] = []

  /// An answer that says nothing.
  public init() {}

  /// An answer that says nothing, to that agent.
  public init(to instanceUID: [UInt8]) {
    self.instanceUID = instanceUID
    capabilities = .ours
  }

  /// An answer that says what went wrong.
  public init(to instanceUID: [UInt8], error: ServerError) {
    self.instanceUID = instanceUID
    self.error = error
  }

  /// Takes a field over.
  public mutating func read(_ field: ProtobufField) throws(ProtobufError) {
    switch field.number {
    case 1: instanceUID = Array(try field.bytes())
    case 2: error = try field.message(ServerError.self)
    case 3: remoteConfig = try field.message(RemoteConfig.self)
    case 4: connectionSettings = try field.message(ConnectionSettings.self)
    case 6: flags = ServerFlags(rawValue: try field.unsigned())
    case 7: capabilities = ServerCapabilities(rawValue: try field.unsigned())
    case 8: newInstanceUID = try field.message(AgentIdentification.self).newInstanceUID
    default: break
    }
  }

  /// Writes the fields.
  public func write(to writer: inout ProtobufWriter) {
    writer.bytes(1, instanceUID)
    writer.message(2, error)
    writer.message(3, remoteConfig)
    writer.message(4, connectionSettings)
    writer.unsigned(6, flags.rawValue)
    writer.unsigned(7, capabilities.rawValue)
    if !newInstanceUID.isEmpty {
      var identification = AgentIdentification()
      identification.newInstanceUID = newInstanceUID
      writer.message(8, identification)
    }
  }
}

/// `opamp.proto.AgentIdentification`.
struct AgentIdentification: ProtobufMessage {
  var newInstanceUID: [UInt8] = []

  mutating func read(_ field: ProtobufField) throws(ProtobufError) {
    if field.number == 1 { newInstanceUID = Array(try field.bytes()) }
  }
  func write(to writer: inout ProtobufWriter) { writer.bytes(1, newInstanceUID) }
}

/// `opamp.proto.ServerErrorResponse`.
public struct ServerError: Error, ProtobufMessage, Equatable {
  /// `opamp.proto.ServerErrorResponseType`.
  public enum Kind: Int64, Sendable {
    /// Not said.
    case unknown = 0
    /// The message cannot be used, now or later.
    case badRequest
    /// The message can be used later.
    case unavailable
  }

  /// Whether it helps to try again.
  public var kind = Kind.unknown
  /// What went wrong, for people.
  public var message = ""
  /// How long to wait before trying again, in nanoseconds; with `unavailable` only.
  public var retryAfter: UInt64 = 0

  /// An error of which nothing is said.
  public init() {}

  /// The message cannot be used.
  public static func badRequest(_ message: String) -> ServerError {
    var error = ServerError()
    error.kind = .badRequest
    error.message = message
    return error
  }

  /// The message can be used later.
  public static func unavailable(_ message: String, retryAfter: Duration) -> ServerError {
    var error = ServerError()
    error.kind = .unavailable
    error.message = message
    error.retryAfter = UInt64(clamping: retryAfter.components.seconds) &* 1_000_000_000
    return error
  }

  /// Takes a field over.
  public mutating func read(_ field: ProtobufField) throws(ProtobufError) {
    switch field.number {
    case 1: kind = Kind(rawValue: try field.integer()) ?? .unknown
    case 2: message = try field.string()
    case 3: retryAfter = try field.message(RetryInformation.self).retryAfter
    default: break
    }
  }

  /// Writes the fields.
  public func write(to writer: inout ProtobufWriter) {
    writer.integer(1, kind.rawValue)
    writer.string(2, message)
    if retryAfter > 0 {
      var information = RetryInformation()
      information.retryAfter = retryAfter
      writer.message(3, information)
    }
  }
}

/// `opamp.proto.RetryInfo`.
struct RetryInformation: ProtobufMessage {
  var retryAfter: UInt64 = 0

  mutating func read(_ field: ProtobufField) throws(ProtobufError) {
    if field.number == 1 { retryAfter = try field.unsigned() }
  }
  func write(to writer: inout ProtobufWriter) { writer.unsigned(1, retryAfter) }
}

/// `opamp.proto.ServerToAgentFlags`.
public struct ServerFlags: OptionSet, Sendable, Hashable {
  /// The bits.
  public var rawValue: UInt64
  /// Reads bits.
  public init(rawValue: UInt64) { self.rawValue = rawValue }
  /// The agent shall report everything in its next message.
  public static let reportFullState = ServerFlags(rawValue: 0x1)
}

/// `opamp.proto.ServerCapabilities`.
public struct ServerCapabilities: OptionSet, Sendable, Hashable {
  /// The bits.
  public var rawValue: UInt64
  /// Reads bits.
  public init(rawValue: UInt64) { self.rawValue = rawValue }
  /// Takes reports; every server does.
  public static let acceptsStatus = ServerCapabilities(rawValue: 0x1)
  /// Says what agents are to do.
  public static let offersRemoteConfig = ServerCapabilities(rawValue: 0x2)
  /// Takes what agents do.
  public static let acceptsEffectiveConfig = ServerCapabilities(rawValue: 0x4)
  /// Says how agents are to speak with it.
  public static let offersConnectionSettings = ServerCapabilities(rawValue: 0x20)
  /// What this server can do.
  public static let ours: ServerCapabilities = [
    .acceptsStatus, .offersRemoteConfig, .acceptsEffectiveConfig, .offersConnectionSettings,
  ]
}

/// `opamp.proto.ConnectionSettingsOffers` with `opamp.proto.OpAMPConnectionSettings` alone.
public struct ConnectionSettings: ProtobufMessage, Equatable {
  /// Changes whenever the settings do.
  public var hash: [UInt8] = []
  /// How often the agent is to say that it is there.
  public var heartbeat = Heartbeat()

  /// No settings.
  public init() {}

  /// `opamp.proto.OpAMPConnectionSettings` as far as we set it.
  public struct Heartbeat: ProtobufMessage, Equatable {
    /// Where the server is. An offer must say it; ours is where the agent is connected already.
    public var endpoint = ""
    /// The seconds between two messages.
    public var intervalSeconds: UInt64 = 0

    /// Nothing is said.
    public init() {}

    /// Takes a field over.
    public mutating func read(_ field: ProtobufField) throws(ProtobufError) {
      switch field.number {
      case 1: endpoint = try field.string()
      case 4: intervalSeconds = try field.unsigned()
      default: break
      }
    }

    /// Writes the fields.
    public func write(to writer: inout ProtobufWriter) {
      writer.string(1, endpoint)
      writer.unsigned(4, intervalSeconds)
    }
  }

  /// Takes a field over.
  public mutating func read(_ field: ProtobufField) throws(ProtobufError) {
    switch field.number {
    case 1: hash = Array(try field.bytes())
    case 2: heartbeat = try field.message()
    default: break
    }
  }

  /// Writes the fields.
  public func write(to writer: inout ProtobufWriter) {
    writer.bytes(1, hash)
    writer.message(2, heartbeat)
  }
}
