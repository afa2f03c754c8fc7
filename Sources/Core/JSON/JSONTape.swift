/// Checks a JSON text (RFC 8259) and notes where its values are. No value is decoded before it is asked for.
struct JSONTape: ~Copyable {
  private(set) var nodes: JSONNodes

  init(_ text: Span<UInt8>, maximumDepth: Int) throws(JSONError) {
    // Objects of Kubernetes have a value or a name every 11 bytes or so.
    nodes = JSONNodes(capacity: text.count / 10 + 4)
    try scan(text, maximumDepth)
  }

  /// The nodes, for good.
  consuming func finished() -> JSONNodes { nodes }

  /// The innermost array or object that is open. It notes its parent in its node, which spares a stack.
  private struct Container {
    var index = UInt32.max
    var depth = 0
    var closer = UInt8(0)
    var isObject: Bool { closer == UInt8(ascii: "}") }
  }

  private mutating func scan(_ text: Span<UInt8>, _ maximumDepth: Int) throws(JSONError) {
    var offset = 0
    var container = Container()
    var byte = try Self.next(text, &offset)
    value: while true {
      if container.isObject {
        guard byte == UInt8(ascii: "\"") else { throw JSONError(.unexpectedByte, at: offset) }
        nodes.append(try Self.string(text, &offset, nodes.count))
        guard try Self.next(text, &offset) == UInt8(ascii: ":") else { throw JSONError(.unexpectedByte, at: offset) }
        offset += 1
        byte = try Self.next(text, &offset)
      }
      switch byte {
      case UInt8(ascii: "\""): nodes.append(try Self.string(text, &offset, nodes.count))
      case UInt8(ascii: "{"), UInt8(ascii: "["):
        guard container.depth < maximumDepth else { throw JSONError(.tooDeep, at: offset) }
        open(&container, byte, offset)
        offset += 1
        byte = try Self.next(text, &offset)
        guard byte == container.closer else { continue value }
        close(&container, &offset)
      default: nodes.append(try Self.scalar(text, byte, &offset, nodes.count))
      }
      // What follows a value: the next one, or the end of what is open.
      while true {
        if container.depth == 0 { return try Self.expectEnd(text, offset) }
        byte = try Self.next(text, &offset)
        if byte == UInt8(ascii: ",") {
          offset += 1
          byte = try Self.next(text, &offset)
          continue value
        }
        guard byte == container.closer else { throw JSONError(.unexpectedByte, at: offset) }
        close(&container, &offset)
      }
    }
  }

  @inline(__always)
  private mutating func open(_ container: inout Container, _ byte: UInt8, _ offset: Int) {
    let isObject = byte == UInt8(ascii: "{")
    let start = UInt32(truncatingIfNeeded: offset)
    let node = JSONNode(start: start, end: start, next: container.index, kind: isObject ? .object : .array)
    container.index = UInt32(truncatingIfNeeded: nodes.count)
    container.depth += 1
    container.closer = isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")
    nodes.append(node)
  }

  @inline(__always)
  private mutating func close(_ container: inout Container, _ offset: inout Int) {
    offset += 1
    let index = Int(container.index)
    var node = nodes[index]
    container.index = node.next
    container.depth -= 1
    node.end = UInt32(truncatingIfNeeded: offset)
    node.next = UInt32(truncatingIfNeeded: nodes.count)
    nodes[index] = node
    guard container.depth > 0 else { return }
    let isObject = nodes[Int(container.index)].kind == .object
    container.closer = isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")
  }

  /// Moves to the next byte that is no white space and gives it.
  @inline(__always)
  private static func next(_ text: Span<UInt8>, _ offset: inout Int) throws(JSONError) -> UInt8 {
    guard offset < text.count else { throw JSONError(.unexpectedEnd, at: offset) }
    let byte = text[offset]
    return byte > 0x20 ? byte : try nextAfterSpace(text, &offset)
  }

  @inline(never)
  private static func nextAfterSpace(_ text: Span<UInt8>, _ offset: inout Int) throws(JSONError) -> UInt8 {
    while offset < text.count {
      switch text[offset] {
      case 0x20, 0x0a, 0x0d, 0x09: offset += 1
      case let byte: return byte
      }
    }
    throw JSONError(.unexpectedEnd, at: offset)
  }

  private static func expectEnd(_ text: Span<UInt8>, _ offset: Int) throws(JSONError) {
    var offset = offset
    while offset < text.count {
      switch text[offset] {
      case 0x20, 0x0a, 0x0d, 0x09: offset += 1
      default: throw JSONError(.trailingBytes, at: offset)
      }
    }
  }

  /// The node of index `count` for a text from `start` to `end`. The size of the text is bounded so that offsets fit.
  @inline(__always)
  private static func node(_ kind: JSONKind, _ start: Int, _ end: Int, _ count: Int, isEscaped: Bool = false)
    -> JSONNode
  {
    JSONNode(
      start: UInt32(truncatingIfNeeded: start), end: UInt32(truncatingIfNeeded: end),
      next: UInt32(truncatingIfNeeded: count &+ 1), kind: kind, isEscaped: isEscaped)
  }
}

// MARK: - Scalars

extension JSONTape {
  /// The node of index `count` for a number, `true`, `false` or `null` that begins with `byte`.
  @inline(__always)
  private static func scalar(_ text: Span<UInt8>, _ byte: UInt8, _ offset: inout Int, _ count: Int) throws(JSONError)
    -> JSONNode
  {
    let start = offset
    switch byte {
    case UInt8(ascii: "t"):
      try skip("true", text, &offset)
      return node(.true, start, offset, count)
    case UInt8(ascii: "f"):
      try skip("false", text, &offset)
      return node(.false, start, offset, count)
    case UInt8(ascii: "n"):
      try skip("null", text, &offset)
      return node(.null, start, offset, count)
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
      try skipNumber(text, &offset)
      return node(.number, start, offset, count)
    default: throw JSONError(.unexpectedByte, at: offset)
    }
  }

  private static func skip(_ word: StaticString, _ text: Span<UInt8>, _ offset: inout Int) throws(JSONError) {
    for index in 0..<word.utf8CodeUnitCount {
      guard offset < text.count else { throw JSONError(.unexpectedEnd, at: offset) }
      guard text[offset] == word.utf8Start[index] else { throw JSONError(.unexpectedByte, at: offset) }
      offset += 1
    }
  }

  private static func skipNumber(_ text: Span<UInt8>, _ offset: inout Int) throws(JSONError) {
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
  }
}

// MARK: - Strings

extension JSONTape {
  /// The node of index `count` for the string at `offset`, its opening quote; moves behind the closing one.
  @inline(__always)
  private static func string(_ text: Span<UInt8>, _ offset: inout Int, _ count: Int) throws(JSONError) -> JSONNode {
    let start = offset &+ 1
    var end = start
    var highBits: UInt64 = 0
    var isEscaped = false
    skipPlain(text, &end, &highBits)
    if end >= text.count || text[end] != UInt8(ascii: "\"") {
      isEscaped = true
      try skipEscaped(text, &end, &highBits)
    }
    if highBits & JSONText.highBitOfEach != 0 { try JSONText.checkUTF8(text, start, end) }
    offset = end &+ 1
    return node(.string, start, end, count, isEscaped: isEscaped)
  }

  /// Goes on from the first byte of a string that is not plain, to its closing quote.
  @inline(never)
  private static func skipEscaped(_ text: Span<UInt8>, _ offset: inout Int, _ highBits: inout UInt64)
    throws(JSONError)
  {
    while true {
      guard offset < text.count else { throw JSONError(.unexpectedEnd, at: offset) }
      let byte = text[offset]
      if byte == UInt8(ascii: "\"") { return }
      guard byte == UInt8(ascii: "\\") else { throw JSONError(.unexpectedByte, at: offset) }
      try JSONText.skipEscape(text, &offset)
      skipPlain(text, &offset, &highBits)
    }
  }

  /// Moves on to the next quote, backslash or control character, eight bytes at a time.
  ///
  /// A byte of the word below is zero where it equals the wanted one; subtracting one from each byte then borrows into
  /// its high bit. A borrow may mark bytes after the first match, never before it, and only the first one is used.
  @inline(__always)
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
