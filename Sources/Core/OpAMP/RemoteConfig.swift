import ProtobufWire

/// `opamp.proto.AgentConfigFile`: one section of a configuration.
public struct ConfigSection: ProtobufMessage, Equatable {
  /// The section.
  public var body: [UInt8] = []
  /// Its media type.
  public var contentType = ""

  /// An empty section.
  public init() {}

  /// A section.
  public init(body: [UInt8], contentType: String) {
    self.body = body
    self.contentType = contentType
  }

  /// Takes a field over.
  public mutating func read(_ field: ProtobufField) throws(ProtobufError) {
    switch field.number {
    case 1: body = Array(try field.bytes())
    case 2: contentType = try field.string()
    default: break
    }
  }

  /// Writes the fields.
  public func write(to writer: inout ProtobufWriter) {
    writer.bytes(1, body)
    writer.string(2, contentType)
  }
}

/// `opamp.proto.AgentConfigMap`: sections by name.
public struct ConfigMapMessage: ProtobufMessage, Equatable {
  /// The sections; "" is a name like any other.
  public var sections: [String: ConfigSection] = [:]

  /// No section.
  public init() {}

  /// Takes a field over.
  public mutating func read(_ field: ProtobufField) throws(ProtobufError) {
    guard field.number == 1 else { return }
    let entry = try field.messageEntry(ConfigSection.self)
    sections[entry.key] = entry.value
  }

  /// Writes the fields.
  public func write(to writer: inout ProtobufWriter) { writer.messageMap(1, sections) }
}

/// `opamp.proto.AgentRemoteConfig`: what an agent is to do.
public struct RemoteConfig: ProtobufMessage, Equatable {
  /// The sections.
  public var config = ConfigMapMessage()
  /// Changes whenever the sections do.
  public var hash: [UInt8] = []

  /// A configuration that says nothing.
  public init() {}

  /// Takes a field over.
  public mutating func read(_ field: ProtobufField) throws(ProtobufError) {
    switch field.number {
    case 1: config = try field.message()
    case 2: hash = Array(try field.bytes())
    default: break
    }
  }

  /// Writes the fields.
  public func write(to writer: inout ProtobufWriter) {
    writer.message(1, config)
    writer.bytes(2, hash)
  }
}

/// `opamp.proto.EffectiveConfig`: what an agent does.
public struct EffectiveConfig: ProtobufMessage, Equatable {
  /// The sections.
  public var config = ConfigMapMessage()

  /// An agent that does nothing in particular.
  public init() {}

  /// Takes a field over.
  public mutating func read(_ field: ProtobufField) throws(ProtobufError) {
    if field.number == 1 { config = try field.message() }
  }

  /// Writes the fields.
  public func write(to writer: inout ProtobufWriter) { writer.message(1, config) }
}

/// `opamp.proto.RemoteConfigStatus`: what became of the configuration that an agent got.
public struct RemoteConfigStatus: ProtobufMessage, Equatable {
  /// `opamp.proto.RemoteConfigStatuses`.
  public enum State: Int64, Sendable {
    case unset = 0
    case applied, applying, failed
  }

  /// The hash of the configuration that came last.
  public var lastHash: [UInt8] = []
  /// What became of it; `unset` also for what this release does not know.
  public var state = State.unset
  /// Why it failed.
  public var errorMessage = ""

  /// Nothing was received.
  public init() {}

  /// A status.
  public init(lastHash: [UInt8], state: State, errorMessage: String = "") {
    self.lastHash = lastHash
    self.state = state
    self.errorMessage = errorMessage
  }

  /// Takes a field over.
  public mutating func read(_ field: ProtobufField) throws(ProtobufError) {
    switch field.number {
    case 1: lastHash = Array(try field.bytes())
    case 2: state = State(rawValue: try field.integer()) ?? .unset
    case 3: errorMessage = try field.string()
    default: break
    }
  }

  /// Writes the fields.
  public func write(to writer: inout ProtobufWriter) {
    writer.bytes(1, lastHash)
    writer.integer(2, state.rawValue)
    writer.string(3, errorMessage)
  }
}
