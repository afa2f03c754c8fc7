import ProtobufWire

/// `opamp.proto.AgentToServer`: what an agent reports. A field that is nil has not changed since the last report.
public struct AgentToServer: ProtobufMessage, Equatable {
  /// Identifies the agent for the life of its process.
  public var instanceUID: [UInt8] = []
  /// One more with each message.
  public var sequenceNumber: UInt64 = 0
  /// Who it is.
  public var description: AgentDescription?
  /// What it can do.
  public var capabilities = AgentCapabilities()
  /// How it is.
  public var health: AgentHealth?
  /// What it does.
  public var effectiveConfig: EffectiveConfig?
  /// What became of the configuration that it got.
  public var remoteConfigStatus: RemoteConfigStatus?
  /// Whether this is its last message.
  public var isDisconnect = false
  /// What it asks for.
  public var flags = AgentFlags()

  /// A message that says nothing.
  public init() {}

  /// Takes a field over.
  public mutating func read(_ field: ProtobufField) throws(ProtobufError) {
    switch field.number {
    case 1: instanceUID = Array(try field.bytes())
    case 2: sequenceNumber = try field.unsigned()
    case 3: description = try field.message(AgentDescription.self)
    case 4: capabilities = AgentCapabilities(rawValue: try field.unsigned())
    case 5: health = try field.message(AgentHealth.self)
    case 6: effectiveConfig = try field.message(EffectiveConfig.self)
    case 7: remoteConfigStatus = try field.message(RemoteConfigStatus.self)
    case 9:
      _ = try field.bytes()
      isDisconnect = true
    case 10: flags = AgentFlags(rawValue: try field.unsigned())
    default: break
    }
  }

  /// Writes the fields.
  public func write(to writer: inout ProtobufWriter) {
    writer.bytes(1, instanceUID)
    writer.unsigned(2, sequenceNumber)
    writer.message(3, description)
    writer.unsigned(4, capabilities.rawValue)
    writer.message(5, health)
    writer.message(6, effectiveConfig)
    writer.message(7, remoteConfigStatus)
    if isDisconnect { writer.message(9, EmptyMessage()) }
    writer.unsigned(10, flags.rawValue)
  }
}

/// A message without fields, such as `opamp.proto.AgentDisconnect`.
struct EmptyMessage: ProtobufMessage {
  mutating func read(_ field: ProtobufField) throws(ProtobufError) {}
  func write(to writer: inout ProtobufWriter) {}
}

/// `opamp.proto.AgentCapabilities`.
public struct AgentCapabilities: OptionSet, Sendable, Hashable {
  /// The bits; those that are not known stay.
  public var rawValue: UInt64
  /// Reads bits.
  public init(rawValue: UInt64) { self.rawValue = rawValue }
  /// Reports at all; every agent does.
  public static let reportsStatus = AgentCapabilities(rawValue: 0x1)
  /// Takes a configuration.
  public static let acceptsRemoteConfig = AgentCapabilities(rawValue: 0x2)
  /// Says what it does.
  public static let reportsEffectiveConfig = AgentCapabilities(rawValue: 0x4)
  /// Takes settings of its connection to us.
  public static let acceptsConnectionSettings = AgentCapabilities(rawValue: 0x100)
  /// Says how it is.
  public static let reportsHealth = AgentCapabilities(rawValue: 0x800)
  /// Says what became of the configuration that it got.
  public static let reportsRemoteConfig = AgentCapabilities(rawValue: 0x1000)
  /// Says at intervals that it is there.
  public static let reportsHeartbeat = AgentCapabilities(rawValue: 0x2000)
}

/// `opamp.proto.AgentToServerFlags`.
public struct AgentFlags: OptionSet, Sendable, Hashable {
  /// The bits.
  public var rawValue: UInt64
  /// Reads bits.
  public init(rawValue: UInt64) { self.rawValue = rawValue }
  /// Wants a new instance UID.
  public static let requestInstanceUID = AgentFlags(rawValue: 0x1)
}
