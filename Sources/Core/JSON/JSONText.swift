/// The rules of text inside JSON strings: UTF-8 and escape sequences.
enum JSONText {
  static let highBitOfEach: UInt64 = 0x8080_8080_8080_8080

  /// The next quote, backslash or control character, or the end.
  ///
  /// Eight bytes at a time: of an ASCII byte that equals the wanted one, the exclusive or is zero, and subtracting one
  /// borrows into its high bit; likewise of one below 0x20. A borrow may mark bytes behind the first match, never
  /// before it, and only the first one is used.
  static func endOfPlain(_ text: Span<UInt8>) -> Int {
    let ones: UInt64 = 0x0101_0101_0101_0101
    var offset = 0
    while text.count &- offset >= 8 {
      // Any eight bytes are a UInt64, and eight bytes are there.
      let word = UInt64(littleEndian: text.bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: UInt64.self))
      let quote = (word ^ (ones &* 0x22)) &- ones
      let backslash = (word ^ (ones &* 0x5c)) &- ones
      let marks = (quote | backslash | (word &- ones &* 0x20)) & ~word & highBitOfEach
      if marks != 0 { return offset &+ marks.trailingZeroBitCount >> 3 }
      offset &+= 8
    }
    while offset < text.count {
      let byte = text[offset]
      if byte == 0x22 || byte == 0x5c || byte < 0x20 { break }
      offset &+= 1
    }
    return offset
  }

  /// Where bytes are no UTF-8 (Unicode 15, table 3-7: no overlong forms, no surrogates, nothing over U+10FFFF).
  static func utf8Failure(_ text: UnsafeBufferPointer<UInt8>) -> JSONError? {
    let bytes = UnsafeRawBufferPointer(text)
    var offset = 0
    while offset < text.count {
      if text.count &- offset >= 8, bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self) & highBitOfEach == 0 {
        offset &+= 8
        continue
      }
      let lead = text[offset]
      var following: Int
      var second: ClosedRange<UInt8> = 0x80...0xbf
      switch lead {
      case 0...0x7f: following = 0
      case 0xc2...0xdf: following = 1
      case 0xe0: (following, second) = (2, 0xa0...0xbf)
      case 0xed: (following, second) = (2, 0x80...0x9f)
      case 0xe1...0xef: following = 2
      case 0xf0: (following, second) = (3, 0x90...0xbf)
      case 0xf1...0xf3: following = 3
      case 0xf4: (following, second) = (3, 0x80...0x8f)
      default: return JSONError(.invalidUTF8, at: offset)
      }
      guard offset + following < text.count else { return JSONError(.invalidUTF8, at: offset) }
      if following > 0 {
        guard second.contains(text[offset + 1]) else { return JSONError(.invalidUTF8, at: offset + 1) }
        var index = 2
        while index <= following {
          guard text[offset + index] & 0xc0 == 0x80 else { return JSONError(.invalidUTF8, at: offset + index) }
          index += 1
        }
      }
      offset += following + 1
    }
    return nil
  }

  /// Checks the escape sequence at `offset`, a backslash. Surrogates must come in pairs.
  @inline(__always)
  static func escape(_ text: UnsafeBufferPointer<UInt8>, _ offset: Int) -> (isPair: Bool, failure: JSONError?) {
    guard offset &+ 1 < text.count else { return (false, JSONError(.unexpectedEnd, at: text.count)) }
    switch text[offset &+ 1] {
    case 0x22, 0x5c, 0x2f, 0x62, 0x66, 0x6e, 0x72, 0x74: return (false, nil)
    case UInt8(ascii: "u"):
      do throws(JSONError) {
        let text = text.span
        switch try hexUnit(text, offset) {
        case 0xd800...0xdbff:
          guard offset + 7 < text.count, text[offset + 6] == 0x5c, text[offset + 7] == UInt8(ascii: "u"),
            try 0xdc00...0xdfff ~= hexUnit(text, offset + 6)
          else { return (false, JSONError(.invalidEscape, at: offset)) }
          return (true, nil)
        case 0xdc00...0xdfff: return (false, JSONError(.invalidEscape, at: offset))
        default: return (false, nil)
        }
      } catch {
        return (false, error)
      }
    default: return (false, JSONError(.invalidEscape, at: offset))
    }
  }

  /// The UTF-16 unit of the `\uXXXX` at `offset`.
  @inline(__always)
  private static func hexUnit(_ text: Span<UInt8>, _ offset: Int) throws(JSONError) -> UInt32 {
    guard offset + 5 < text.count else { throw JSONError(.unexpectedEnd, at: text.count) }
    var unit: UInt32 = 0
    for index in offset + 2..<offset + 6 {
      let byte = text[index]
      let letter = (byte | 0x20) &- 0x61
      guard byte &- 0x30 < 10 || letter < 6 else { throw JSONError(.invalidEscape, at: index) }
      unit = unit << 4 | UInt32(letter < 6 ? letter &+ 10 : byte &- 0x30)
    }
    return unit
  }

  /// Decodes the content of a string that was checked before.
  static func unescaped(_ bytes: ArraySlice<UInt8>) -> String {
    var result: [UInt8] = []
    result.reserveCapacity(bytes.count)
    let text = bytes.span
    var offset = 0
    while offset < text.count {
      guard text[offset] == 0x5c, offset + 1 < text.count else {
        result.append(text[offset])
        offset += 1
        continue
      }
      var following = 2
      switch text[offset + 1] {
      case UInt8(ascii: "b"): result.append(0x08)
      case UInt8(ascii: "f"): result.append(0x0c)
      case UInt8(ascii: "n"): result.append(0x0a)
      case UInt8(ascii: "r"): result.append(0x0d)
      case UInt8(ascii: "t"): result.append(0x09)
      case UInt8(ascii: "u"):
        let scalar: UInt32
        (scalar, following) = scalarOfEscape(text, offset)
        if let encoded = Unicode.Scalar(scalar).flatMap({ UTF8.encode($0) }) { result.append(contentsOf: encoded) }
      default: result.append(text[offset + 1])
      }
      offset += following
    }
    return String(decoding: result, as: UTF8.self)
  }

  /// The code point of one `\uXXXX` or of a pair of them, and how long the sequence is.
  private static func scalarOfEscape(_ text: Span<UInt8>, _ offset: Int) -> (scalar: UInt32, length: Int) {
    guard let unit = try? hexUnit(text, offset) else { return (0xfffd, 6) }
    guard 0xd800...0xdbff ~= unit, let low = try? hexUnit(text, offset + 6) else { return (unit, 6) }
    return (0x10000 + (unit & 0x3ff) << 10 + (low & 0x3ff), 12)
  }

  /// Appends a string with its quotes, escaping what JSON requires and nothing else.
  static func append(_ string: String, to bytes: inout [UInt8]) {
    bytes.append(0x22)
    append(content: string, to: &bytes)
    bytes.append(0x22)
  }

  /// Appends what stands between the quotes of a string.
  static func append(content string: String, to bytes: inout [UInt8]) {
    let text = string.utf8Span.span
    if endOfPlain(text) == text.count {
      bytes.append(contentsOf: string.utf8)
    } else {
      for byte in string.utf8 { appendEscaped(byte, to: &bytes) }
    }
  }

  private static func appendEscaped(_ byte: UInt8, to bytes: inout [UInt8]) {
    switch byte {
    case 0x22, 0x5c: bytes.append(contentsOf: [0x5c, byte])
    case 0x0a: bytes.append(contentsOf: [0x5c, UInt8(ascii: "n")])
    case 0x0d: bytes.append(contentsOf: [0x5c, UInt8(ascii: "r")])
    case 0x09: bytes.append(contentsOf: [0x5c, UInt8(ascii: "t")])
    case 0..<0x20:
      bytes.append(contentsOf: "\\u00".utf8)
      for digit in [byte >> 4, byte & 15] { bytes.append(digit < 10 ? 0x30 + digit : 0x57 + digit) }
    default: bytes.append(byte)
    }
  }
}
