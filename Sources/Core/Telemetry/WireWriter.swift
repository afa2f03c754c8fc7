/// Appends fields of protobuf messages to bytes.
struct WireWriter {
  private(set) var bytes: [UInt8] = []

  mutating func varint(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(truncatingIfNeeded: rest))
  }

  mutating func fixed64(_ value: UInt64) {
    for shift in stride(from: UInt64(0), to: 64, by: 8) { bytes.append(UInt8(truncatingIfNeeded: value >> shift)) }
  }

  mutating func fixed32(_ value: UInt32) {
    for shift in stride(from: UInt32(0), to: 32, by: 8) { bytes.append(UInt8(truncatingIfNeeded: value >> shift)) }
  }

  mutating func tag(_ number: Int, _ type: WireType) { varint(UInt64(number) << 3 | UInt64(type.rawValue)) }

  /// A string, bytes, message or packed field.
  mutating func delimited(_ number: Int, _ content: some Collection<UInt8>) {
    tag(number, .delimited)
    varint(UInt64(content.count))
    bytes.append(contentsOf: content)
  }

  /// Fields that are encoded already.
  mutating func raw(_ fields: some Collection<UInt8>) { bytes.append(contentsOf: fields) }
}

/// How a value is laid out on the wire.
enum WireType: UInt8 {
  case varint = 0
  case fixed64 = 1
  case delimited = 2
  case fixed32 = 5
}
