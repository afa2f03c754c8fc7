import ProtobufWire

/// `opamp.proto.ComponentHealth` of an agent as a whole.
public struct AgentHealth: ProtobufMessage, Equatable {
  /// The agent itself.
  public var own = ComponentStatus()
  /// Its parts, by name.
  public var components: [String: ComponentStatus] = [:]

  /// An agent that is not healthy and says nothing about it.
  public init() {}

  /// The health of an agent.
  public init(isHealthy: Bool, status: String = "", lastError: String = "") {
    own = ComponentStatus(isHealthy: isHealthy, status: status, lastError: lastError)
  }

  /// Takes a field over.
  public mutating func read(_ field: ProtobufField) throws(ProtobufError) {
    if field.number == 6 {
      let entry = try field.messageEntry(ComponentStatus.self)
      components[entry.key] = entry.value
    } else {
      try own.read(field)
    }
  }

  /// Writes the fields.
  public func write(to writer: inout ProtobufWriter) {
    own.write(to: &writer)
    writer.messageMap(6, components)
  }
}

/// `opamp.proto.ComponentHealth` without the parts' own parts, which nest without bound.
public struct ComponentStatus: ProtobufMessage, Equatable {
  /// Whether it is up and does its work.
  public var isHealthy = false
  /// When it started, in nanoseconds since 1970; 0 where it does not run.
  public var startTime: UInt64 = 0
  /// What is wrong, for people.
  public var lastError = ""
  /// The state in the agent's own words.
  public var status = ""
  /// When that was seen, in nanoseconds since 1970.
  public var statusTime: UInt64 = 0

  /// A part that is not healthy and of which nothing is said.
  public init() {}

  /// A state.
  public init(isHealthy: Bool, status: String = "", lastError: String = "") {
    self.isHealthy = isHealthy
    self.status = status
    self.lastError = lastError
  }

  /// Takes a field over.
  public mutating func read(_ field: ProtobufField) throws(ProtobufError) {
    switch field.number {
    case 1: isHealthy = try field.bool()
    case 2: startTime = try field.fixed64()
    case 3: lastError = try field.string()
    case 4: status = try field.string()
    case 5: statusTime = try field.fixed64()
    default: break
    }
  }

  /// Writes the fields.
  public func write(to writer: inout ProtobufWriter) {
    writer.bool(1, isHealthy)
    writer.fixed64(2, startTime)
    writer.string(3, lastError)
    writer.string(4, status)
    writer.fixed64(5, statusTime)
  }
}
