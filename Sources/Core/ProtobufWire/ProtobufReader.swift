/// Why bytes are not a protobuf message, and where.
public struct ProtobufError: Error, Equatable, Sendable, CustomStringConvertible {
  /// What is wrong.
  public enum Reason: String, Sendable {
    case truncated = "the message ends within a field"
    case malformedVarint = "a variable-length integer has more than ten bytes"
    case invalidTag = "a field has number 0, one above 2^29-1, or a wire type that does not exist"
    case groupsUnsupported = "the message has a group, which proto3 does not have"
    case wrongWireType = "a field has another type than its number stands for"
    case invalidUTF8 = "a string is not UTF-8"
  }
  /// What is wrong.
  public var reason: Reason
  /// The number of the field where it was seen; 0 where none had been read.
  public var field: Int
  /// Makes the error.
  public init(_ reason: Reason, field: Int) {
    self.reason = reason
    self.field = field
  }
  /// The reason and the field.
  public var description: String { field == 0 ? reason.rawValue : "field \(field): \(reason.rawValue)" }
}

/// One field as the wire has it (protobuf.dev/programming-guides/encoding).
public struct ProtobufField: Sendable {
  /// What the wire types carry.
  public enum Value: Sendable {
    case varint(UInt64)
    case fixed64(UInt64)
    case bytes(ArraySlice<UInt8>)
    case fixed32(UInt32)
  }
  /// The field's number in its message.
  public var number: Int
  /// What it carries.
  public var value: Value

  /// The value as a string.
  public func string() throws(ProtobufError) -> String {
    guard let text = String(validating: try bytes(), as: UTF8.self) else {
      throw ProtobufError(.invalidUTF8, field: number)
    }
    return text
  }

  /// The value as bytes.
  public func bytes() throws(ProtobufError) -> ArraySlice<UInt8> {
    guard case .bytes(let bytes) = value else { throw ProtobufError(.wrongWireType, field: number) }
    return bytes
  }

  /// The value as `int32`, `int64` or an enumeration (two's complement, not zigzag).
  public func integer() throws(ProtobufError) -> Int64 {
    guard case .varint(let bits) = value else { throw ProtobufError(.wrongWireType, field: number) }
    return Int64(bitPattern: bits)
  }

  /// The value as `uint64`.
  public func unsigned() throws(ProtobufError) -> UInt64 { UInt64(bitPattern: try integer()) }

  /// The value as `fixed64`; also the bits of a `double`.
  public func fixed64() throws(ProtobufError) -> UInt64 {
    guard case .fixed64(let bits) = value else { throw ProtobufError(.wrongWireType, field: number) }
    return bits
  }

  /// The value as `bool`.
  public func bool() throws(ProtobufError) -> Bool { try integer() != 0 }

  /// The value as a message.
  public func message<Message: ProtobufMessage>(_: Message.Type = Message.self) throws(ProtobufError) -> Message {
    try Message(protobuf: try bytes())
  }

  /// The value as an entry of `map<string, string>`.
  public func stringEntry() throws(ProtobufError) -> (key: String, value: String) {
    var reader = ProtobufReader(try bytes())
    var entry = (key: "", value: "")
    while let field = try reader.next() {
      switch field.number {
      case 1: entry.key = try field.string()
      case 2: entry.value = try field.string()
      default: break
      }
    }
    return entry
  }

  /// The value as an entry of a map of messages.
  public func messageEntry<Message: ProtobufMessage>(
    _: Message.Type = Message.self
  ) throws(ProtobufError) -> (key: String, value: Message) {
    var reader = ProtobufReader(try bytes())
    var entry = (key: "", value: Message())
    while let field = try reader.next() {
      switch field.number {
      case 1: entry.key = try field.string()
      case 2: entry.value = try field.message()
      default: break
      }
    }
    return entry
  }
}

/// Reads the fields of one message in their order. Fields that the caller does not know are its to ignore, as
/// protobuf's evolution rules ask.
public struct ProtobufReader: Sendable {
  private let bytes: ArraySlice<UInt8>
  private var position: Int

  /// Reads these bytes.
  public init(_ bytes: ArraySlice<UInt8>) {
    self.bytes = bytes
    position = bytes.startIndex
  }

  /// Reads these bytes.
  public init(_ bytes: [UInt8]) { self.init(bytes[...]) }

  /// The next field; nil at the end.
  public mutating func next() throws(ProtobufError) -> ProtobufField? {
    guard position < bytes.endIndex else { return nil }
    let tag = try varint(field: 0)
    let number = Int(clamping: tag >> 3)
    guard number > 0, number < 1 << 29 else { throw ProtobufError(.invalidTag, field: 0) }
    switch tag & 7 {
    case 0: return ProtobufField(number: number, value: .varint(try varint(field: number)))
    case 1: return ProtobufField(number: number, value: .fixed64(try fixed(8, field: number)))
    case 2:
      let length = try varint(field: number)
      let slice = try take(length, field: number)
      return ProtobufField(number: number, value: .bytes(slice))
    case 3, 4: throw ProtobufError(.groupsUnsupported, field: number)
    case 5: return ProtobufField(number: number, value: .fixed32(UInt32(try fixed(4, field: number))))
    default: throw ProtobufError(.invalidTag, field: number)
    }
  }

  private mutating func take(_ length: UInt64, field: Int) throws(ProtobufError) -> ArraySlice<UInt8> {
    guard length <= UInt64(bytes.endIndex - position) else { throw ProtobufError(.truncated, field: field) }
    let end = position + Int(length)
    defer { position = end }
    return bytes[position..<end]
  }

  private mutating func fixed(_ size: UInt64, field: Int) throws(ProtobufError) -> UInt64 {
    try take(size, field: field).reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  private mutating func varint(field: Int) throws(ProtobufError) -> UInt64 {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while position < bytes.endIndex {
      let byte = bytes[position]
      position += 1
      value |= UInt64(byte & 0x7f) << shift
      if byte < 0x80 { return value }
      shift += 7
      guard shift < 70 else { throw ProtobufError(.malformedVarint, field: field) }
    }
    throw ProtobufError(.truncated, field: field)
  }
}
