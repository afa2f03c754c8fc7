/// One field of a message, whose bytes stay where they are.
struct WireField {
  /// A value as the wire has it.
  enum Value {
    case varint(UInt64)
    case fixed64(UInt64)
    case fixed32(UInt32)
    /// The content of a string, bytes, message or packed field.
    case delimited(Range<Int>)
    /// The fields between the tags of a group, which OTLP never uses but unknown fields may.
    case group
  }

  var number: Int
  var value: Value
  /// The whole field with its tag.
  var range: Range<Int>
}

/// Reads the fields of one message in a stretch of bytes. No read leaves the stretch.
struct WireReader {
  private static let maximumGroupDepth = 32

  private let bytes: [UInt8]
  private let end: Int
  private(set) var position: Int

  init(_ bytes: [UInt8], in range: Range<Int>) {
    self.bytes = bytes
    position = range.lowerBound
    end = range.upperBound
  }

  init(_ bytes: [UInt8]) { self.init(bytes, in: bytes.indices) }

  /// The next field; nil at the end of the message.
  mutating func next() throws(WireError) -> WireField? {
    guard position < end else { return nil }
    let start = position
    let (number, type) = try tag()
    let value = try value(type, number: number, start: start, depth: 0)
    return WireField(number: number, value: value, range: start..<position)
  }

  var isAtEnd: Bool { position >= end }

  mutating func varint() throws(WireError) -> UInt64 {
    let start = position
    var result: UInt64 = 0
    var shift: UInt64 = 0
    while position < end {
      let byte = bytes[position]
      position += 1
      if shift == 63, byte > 1 { throw WireError(.varintTooLong, at: start) }
      result |= UInt64(byte & 0x7f) << shift
      if byte < 0x80 { return result }
      shift += 7
    }
    throw WireError(.truncated, at: start)
  }

  mutating func fixed64() throws(WireError) -> UInt64 {
    guard end - position >= 8 else { throw WireError(.truncated, at: position) }
    var result: UInt64 = 0
    for index in 0..<8 { result |= UInt64(bytes[position + index]) << UInt64(8 * index) }
    position += 8
    return result
  }

  mutating func fixed32() throws(WireError) -> UInt32 {
    guard end - position >= 4 else { throw WireError(.truncated, at: position) }
    var result: UInt32 = 0
    for index in 0..<4 { result |= UInt32(bytes[position + index]) << UInt32(8 * index) }
    position += 4
    return result
  }

  private mutating func tag() throws(WireError) -> (number: Int, type: UInt64) {
    let start = position
    let tag = try varint()
    let number = tag >> 3
    guard number > 0, number < 1 << 29 else { throw WireError(.invalidFieldNumber, at: start) }
    return (Int(number), tag & 7)
  }

  private mutating func value(
    _ type: UInt64, number: Int, start: Int, depth: Int
  ) throws(WireError) -> WireField.Value {
    switch type {
    case 0: return .varint(try varint())
    case 1: return .fixed64(try fixed64())
    case 2:
      let length = try varint()
      guard length <= UInt64(end - position) else { throw WireError(.lengthBeyondEnd, at: start) }
      let content = position..<position + Int(length)
      position = content.upperBound
      return .delimited(content)
    case 3:
      guard depth < Self.maximumGroupDepth else { throw WireError(.tooDeep, at: start) }
      while true {
        let innerStart = position
        let (inner, innerType) = try tag()
        if innerType == 4 {
          guard inner == number else { throw WireError(.invalidWireType, at: innerStart) }
          return .group
        }
        _ = try value(innerType, number: inner, start: innerStart, depth: depth + 1)
      }
    case 5: return .fixed32(try fixed32())
    default: throw WireError(.invalidWireType, at: start)
    }
  }
}
