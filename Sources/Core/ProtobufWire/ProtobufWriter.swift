/// Writes the fields of one message. As in proto3, a field that has its type's default value is left out; an element
/// of a repeated field is always written.
public struct ProtobufWriter: Sendable {
  /// What has been written.
  public private(set) var bytes: [UInt8] = []

  /// A message without fields.
  public init() {}

  /// A `string` field.
  public mutating func string(_ number: Int, _ value: String) {
    guard !value.isEmpty else { return }
    element(number, value)
  }

  /// A `bool` field.
  public mutating func bool(_ number: Int, _ value: Bool) {
    integer(number, value ? 1 : 0)
  }

  /// An `int32`, `int64` or enumeration field (two's complement, not zigzag).
  public mutating func integer(_ number: Int, _ value: Int64) {
    guard value != 0 else { return }
    explicitInteger(number, value)
  }

  /// A `bool`, integer or enumeration field that is written whatever its value is: a member of a `oneof`.
  public mutating func explicitInteger(_ number: Int, _ value: Int64) {
    varint(UInt64(number) << 3)
    varint(UInt64(bitPattern: value))
  }

  /// A `uint64` field.
  public mutating func unsigned(_ number: Int, _ value: UInt64) { integer(number, Int64(bitPattern: value)) }

  /// A `fixed64` field.
  public mutating func fixed64(_ number: Int, _ value: UInt64) {
    guard value != 0 else { return }
    explicitFixed64(number, value)
  }

  /// A `fixed64` or `double` field that is written whatever its value is: a member of a `oneof`.
  public mutating func explicitFixed64(_ number: Int, _ value: UInt64) {
    varint(UInt64(number) << 3 | 1)
    for shift in stride(from: 0, to: 64, by: 8) { bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(shift))) }
  }

  /// A `bytes` field.
  public mutating func bytes(_ number: Int, _ value: [UInt8]) {
    guard !value.isEmpty else { return }
    delimited(number, value)
  }

  /// A message field that is there.
  public mutating func message(_ number: Int, _ value: (some ProtobufMessage)?) {
    guard let value else { return }
    delimited(number, value.protobuf())
  }

  /// A repeated `string` field.
  public mutating func strings(_ number: Int, _ values: [String]) {
    for value in values { element(number, value) }
  }

  /// A repeated message field.
  public mutating func messages(_ number: Int, _ values: [some ProtobufMessage]) {
    for value in values { delimited(number, value.protobuf()) }
  }

  /// A `map<string, string>` field, ordered by key so that equal maps give equal bytes.
  public mutating func stringMap(_ number: Int, _ map: [String: String]) {
    for (key, value) in map.sorted(by: { $0.key < $1.key }) {
      var entry = ProtobufWriter()
      entry.string(1, key)
      entry.string(2, value)
      delimited(number, entry.bytes)
    }
  }

  /// A `map<string, message>` field, ordered by key so that equal maps give equal bytes.
  public mutating func messageMap(_ number: Int, _ map: [String: some ProtobufMessage]) {
    for (key, value) in map.sorted(by: { $0.key < $1.key }) {
      var entry = ProtobufWriter()
      entry.string(1, key)
      entry.message(2, value)
      delimited(number, entry.bytes)
    }
  }

  private mutating func element(_ number: Int, _ value: String) {
    delimited(number, Array(value.utf8))
  }

  private mutating func delimited(_ number: Int, _ value: [UInt8]) {
    varint(UInt64(number) << 3 | 2)
    varint(UInt64(value.count))
    bytes += value
  }

  private mutating func varint(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }
}
