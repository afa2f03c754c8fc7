/// One value of a text: where it is and where the next one begins. Members of objects are a name and then a value.
struct JSONNode: Sendable, BitwiseCopyable {
  /// The first byte: after the quote for strings, the bracket for arrays and objects.
  var start: UInt32
  /// One past the last byte.
  var end: UInt32
  /// The index of the node after this value and all that it contains.
  var next: UInt32
  /// What it is.
  var kind: JSONKind
  /// Whether a string has escape sequences.
  var isEscaped = false
}

/// Checks a JSON text (RFC 8259) and notes where its values are. No value is decoded before it is asked for.
struct JSONTape {
  private(set) var nodes: [JSONNode] = []
  /// The arrays and objects that are open, as indices of nodes.
  private var open: [Int] = []
  private let maximumDepth: Int

  private enum Expectation { case value, firstOrEnd, name, separator }

  init(_ text: Span<UInt8>, maximumDepth: Int) throws(JSONError) {
    self.maximumDepth = maximumDepth
    // Objects of Kubernetes have a value or a name every 11 bytes or so.
    nodes.reserveCapacity(text.count / 10 + 4)
    try scan(text)
  }

  private mutating func scan(_ text: Span<UInt8>) throws(JSONError) {
    var offset = 0
    var expectation = Expectation.value
    while true {
      Self.skipWhiteSpace(text, &offset)
      if expectation == .separator, open.isEmpty {
        guard offset == text.count else { throw JSONError(.trailingBytes, at: offset) }
        return
      }
      guard offset < text.count else { throw JSONError(.unexpectedEnd, at: offset) }
      let byte = text[offset]
      switch expectation {
      case .value:
        expectation = try scanValue(text, byte, &offset) ? .firstOrEnd : .separator
      case .firstOrEnd:
        if byte == (isInObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) {
          close(&offset)
          expectation = .separator
        } else {
          expectation = isInObject ? .name : .value
        }
      case .name:
        guard byte == UInt8(ascii: "\"") else { throw JSONError(.unexpectedByte, at: offset) }
        try scanString(text, &offset)
        Self.skipWhiteSpace(text, &offset)
        guard offset < text.count else { throw JSONError(.unexpectedEnd, at: offset) }
        guard text[offset] == UInt8(ascii: ":") else { throw JSONError(.unexpectedByte, at: offset) }
        offset += 1
        expectation = .value
      case .separator:
        if byte == UInt8(ascii: ",") {
          offset += 1
          expectation = isInObject ? .name : .value
        } else if byte == (isInObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) {
          close(&offset)
        } else {
          throw JSONError(.unexpectedByte, at: offset)
        }
      }
    }
  }

  private var isInObject: Bool { nodes[open[open.count - 1]].kind == .object }

  /// Scans a value that begins with `byte`; true when it opened an array or object.
  private mutating func scanValue(_ text: Span<UInt8>, _ byte: UInt8, _ offset: inout Int) throws(JSONError) -> Bool {
    switch byte {
    case UInt8(ascii: "\""): try scanString(text, &offset)
    case UInt8(ascii: "{"), UInt8(ascii: "["):
      guard open.count < maximumDepth else { throw JSONError(.tooDeep, at: offset) }
      open.append(nodes.count)
      append(byte == UInt8(ascii: "{") ? .object : .array, offset, offset)
      offset += 1
      return true
    case UInt8(ascii: "t"): try scanWord(text, "true", .true, &offset)
    case UInt8(ascii: "f"): try scanWord(text, "false", .false, &offset)
    case UInt8(ascii: "n"): try scanWord(text, "null", .null, &offset)
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): try scanNumber(text, &offset)
    default: throw JSONError(.unexpectedByte, at: offset)
    }
    return false
  }

  private mutating func close(_ offset: inout Int) {
    offset += 1
    let index = open.removeLast()
    nodes[index].end = UInt32(truncatingIfNeeded: offset)
    nodes[index].next = UInt32(truncatingIfNeeded: nodes.count)
  }

  private mutating func append(_ kind: JSONKind, _ start: Int, _ end: Int, isEscaped: Bool = false) {
    // The size of the text is bounded so that offsets fit.
    nodes.append(
      JSONNode(
        start: UInt32(truncatingIfNeeded: start), end: UInt32(truncatingIfNeeded: end),
        next: UInt32(truncatingIfNeeded: nodes.count + 1), kind: kind, isEscaped: isEscaped))
  }

  private static func skipWhiteSpace(_ text: Span<UInt8>, _ offset: inout Int) {
    while offset < text.count {
      switch text[offset] {
      case 0x20, 0x0a, 0x0d, 0x09: offset += 1
      default: return
      }
    }
  }

  private mutating func scanWord(_ text: Span<UInt8>, _ word: StaticString, _ kind: JSONKind, _ offset: inout Int)
    throws(JSONError)
  {
    let start = offset
    for scalar in word.description.utf8 {
      guard offset < text.count else { throw JSONError(.unexpectedEnd, at: offset) }
      guard text[offset] == scalar else { throw JSONError(.unexpectedByte, at: offset) }
      offset += 1
    }
    append(kind, start, offset)
  }

  private mutating func scanNumber(_ text: Span<UInt8>, _ offset: inout Int) throws(JSONError) {
    let start = offset
    func byte(_ offset: Int) -> UInt8 { offset < text.count ? text[offset] : 0 }
    func skipDigits(_ offset: inout Int) throws(JSONError) {
      let first = offset
      while byte(offset) &- 0x30 < 10 { offset += 1 }
      guard offset > first else { throw JSONError(.invalidNumber, at: start) }
    }
    if byte(offset) == UInt8(ascii: "-") { offset += 1 }
    if byte(offset) == UInt8(ascii: "0") {
      offset += 1
      guard byte(offset) &- 0x30 >= 10 else { throw JSONError(.invalidNumber, at: start) }
    } else {
      try skipDigits(&offset)
    }
    if byte(offset) == UInt8(ascii: ".") {
      offset += 1
      try skipDigits(&offset)
    }
    if byte(offset) | 0x20 == UInt8(ascii: "e") {
      offset += 1
      if byte(offset) == UInt8(ascii: "+") || byte(offset) == UInt8(ascii: "-") { offset += 1 }
      try skipDigits(&offset)
    }
    append(.number, start, offset)
  }

  /// Scans a string from its opening quote to after the closing one.
  private mutating func scanString(_ text: Span<UInt8>, _ offset: inout Int) throws(JSONError) {
    let start = offset + 1
    offset = start
    var isEscaped = false
    var highBits: UInt64 = 0
    while true {
      Self.skipPlain(text, &offset, &highBits)
      guard offset < text.count else { throw JSONError(.unexpectedEnd, at: offset) }
      let byte = text[offset]
      if byte == UInt8(ascii: "\"") { break }
      guard byte == UInt8(ascii: "\\") else { throw JSONError(.unexpectedByte, at: offset) }
      isEscaped = true
      try JSONText.skipEscape(text, &offset)
    }
    if highBits & JSONText.highBitOfEach != 0 { try JSONText.checkUTF8(text, start, offset) }
    append(.string, start, offset, isEscaped: isEscaped)
    offset += 1
  }

  /// Moves on to the next quote, backslash or control character, eight bytes at a time.
  ///
  /// A byte of the word below is zero where it equals the wanted one; subtracting one from each byte then borrows into
  /// its high bit. A borrow may mark bytes after the first match, never before it, and only the first one is used.
  private static func skipPlain(_ text: Span<UInt8>, _ offset: inout Int, _ highBits: inout UInt64) {
    let ones: UInt64 = 0x0101_0101_0101_0101
    while offset + 8 <= text.count {
      // Any eight bytes are a UInt64 and the load checks its bounds: nothing here can go wrong.
      let word = UInt64(littleEndian: text.bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
      highBits |= word
      let quote = word ^ (ones &* 0x22)
      let backslash = word ^ (ones &* 0x5c)
      let found =
        ((quote &- ones) & ~quote) | ((backslash &- ones) & ~backslash) | ((word &- ones &* 0x20) & ~word)
      let marks = found & JSONText.highBitOfEach
      if marks != 0 {
        offset += marks.trailingZeroBitCount >> 3
        return
      }
      offset += 8
    }
    while offset < text.count {
      let byte = text[offset]
      if byte == 0x22 || byte == 0x5c || byte < 0x20 { return }
      highBits |= UInt64(byte)
      offset += 1
    }
  }
}
