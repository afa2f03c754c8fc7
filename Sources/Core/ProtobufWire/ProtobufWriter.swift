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
    varint(UInt64(number) << 3)
    varint(UInt64(bitPattern: value))
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
