import ProtobufWire

/// `opamp.proto.AgentDescription`: what an agent says of itself.
public struct AgentDescription: ProtobufMessage, Equatable {
  /// What tells it from every other.
  public var identifyingAttributes: [AgentAttribute] = []
  /// What else it says.
  public var nonIdentifyingAttributes: [AgentAttribute] = []

  /// A description without attributes.
  public init() {}

  /// The value of an identifying attribute; of several with one name the first counts.
  public func identifying(_ key: String) -> AttributeValue? {
    identifyingAttributes.first { $0.key == key }?.value
  }

  /// Takes a field over.
  public mutating func read(_ field: ProtobufField) throws(ProtobufError) {
    switch field.number {
    case 1: identifyingAttributes.append(try field.message())
    case 2: nonIdentifyingAttributes.append(try field.message())
    default: break
    }
  }

  /// Writes the fields.
  public func write(to writer: inout ProtobufWriter) {
    writer.messages(1, identifyingAttributes)
    writer.messages(2, nonIdentifyingAttributes)
  }
}

/// `opamp.proto.KeyValue`.
public struct AgentAttribute: ProtobufMessage, Equatable {
  /// The name, by OpenTelemetry's conventions.
  public var key = ""
  /// The value.
  public var value = AttributeValue()

  /// An attribute without a name.
  public init() {}

  /// An attribute.
  public init(_ key: String, _ value: AttributeValue.Value) {
    self.key = key
    self.value = AttributeValue(value)
  }

  /// Takes a field over.
  public mutating func read(_ field: ProtobufField) throws(ProtobufError) {
    switch field.number {
    case 1: key = try field.string()
    case 2: value = try field.message()
    default: break
    }
  }

  /// Writes the fields.
  public func write(to writer: inout ProtobufWriter) {
    writer.string(1, key)
    writer.message(2, value)
  }
}

/// `opamp.proto.AnyValue`. Lists and maps, which nest without bound and which no agent identifies itself by, are
/// not looked into.
public struct AttributeValue: ProtobufMessage, Equatable {
  /// What a value may be.
  public enum Value: Sendable, Equatable {
    case none
    case string(String)
    case bool(Bool)
    case integer(Int64)
    case double(Double)
  }

  /// The value.
  public var value = Value.none

  /// No value.
  public init() {}

  /// A value.
  public init(_ value: Value) { self.value = value }

  /// The value for people; "" for none.
  public var text: String {
    switch value {
    case .none: ""
    case .string(let text): text
    case .bool(let isTrue): String(isTrue)
    case .integer(let number): String(number)
    case .double(let number): String(number)
    }
  }

  /// The value as a whole number, also where an agent sent it as text.
  public var integer: Int64? {
    switch value {
    case .integer(let number): number
    case .string(let text): Int64(text)
    case .none, .bool, .double: nil
    }
  }

  /// Takes a field over.
  public mutating func read(_ field: ProtobufField) throws(ProtobufError) {
    switch field.number {
    case 1: value = .string(try field.string())
    case 2: value = .bool(try field.bool())
    case 3: value = .integer(try field.integer())
    case 4: value = .double(Double(bitPattern: try field.fixed64()))
    default: break
    }
  }

  /// A member of a `oneof` is written also where it has the type's default.
  public func write(to writer: inout ProtobufWriter) {
    switch value {
    case .none: break
    case .string(let text): writer.strings(1, [text])
    case .bool(let isTrue): writer.explicitInteger(2, isTrue ? 1 : 0)
    case .integer(let number): writer.explicitInteger(3, number)
    case .double(let number): writer.explicitFixed64(4, number.bitPattern)
    }
  }
}
