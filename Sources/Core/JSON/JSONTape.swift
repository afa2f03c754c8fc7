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
    if offset < text.count, text[offset] > 0x20 { return text[offset] }
    offset = endOfSpace(text, offset)
    guard offset < text.count else { throw JSONError(.unexpectedEnd, at: offset) }
    return text[offset]
  }

  /// Where the white space from `offset` on ends.
  // By value: an offset that is handed out by address would stay in memory all the time.
  @inline(never)
  private static func endOfSpace(_ text: Span<UInt8>, _ offset: Int) -> Int {
    var offset = offset
    while offset < text.count {
      switch text[offset] {
      case 0x20, 0x0a, 0x0d, 0x09: offset += 1
      default: return offset
      }
    }
    return offset
  }

  private static func expectEnd(_ text: Span<UInt8>, _ offset: Int) throws(JSONError) {
    let end = endOfSpace(text, offset)
    guard end == text.count else { throw JSONError(.trailingBytes, at: end) }
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
      offset = try end(of: "true", text, start)
      return node(.true, start, offset, count)
    case UInt8(ascii: "f"):
      offset = try end(of: "false", text, start)
      return node(.false, start, offset, count)
    case UInt8(ascii: "n"):
      offset = try end(of: "null", text, start)
      return node(.null, start, offset, count)
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
      offset = try endOfNumber(text, start)
      return node(.number, start, offset, count)
    default: throw JSONError(.unexpectedByte, at: offset)
    }
  }

  private static func end(of word: StaticString, _ text: Span<UInt8>, _ start: Int) throws(JSONError) -> Int {
    for index in 0..<word.utf8CodeUnitCount {
      guard start + index < text.count else { throw JSONError(.unexpectedEnd, at: start + index) }
      guard text[start + index] == word.utf8Start[index] else { throw JSONError(.unexpectedByte, at: start + index) }
    }
    return start + word.utf8CodeUnitCount
  }

  private static func endOfNumber(_ text: Span<UInt8>, _ start: Int) throws(JSONError) -> Int {
    var offset = start
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
    return offset
  }
}

// MARK: - Strings

extension JSONTape {
  /// The node of index `count` for the string at `offset`, its opening quote; moves behind the closing one.
  @inline(__always)
  private static func string(_ text: Span<UInt8>, _ offset: inout Int, _ count: Int) throws(JSONError) -> JSONNode {
    let start = offset &+ 1
    var (end, highBits) = JSONText.endOfPlain(text, start)
    var isEscaped = false
    if end >= text.count || text[end] != UInt8(ascii: "\"") {
      let rest = try endOfEscaped(text, end)
      end = rest.end
      highBits |= rest.highBits
      isEscaped = true
    }
    if highBits & JSONText.highBitOfEach != 0 { try JSONText.checkUTF8(text, start, end) }
    offset = end &+ 1
    return node(.string, start, end, count, isEscaped: isEscaped)
  }

  /// Goes on from the first byte of a string that is not plain, to its closing quote.
  @inline(never)
  private static func endOfEscaped(_ text: Span<UInt8>, _ start: Int) throws(JSONError) -> (
    end: Int, highBits: UInt64
  ) {
    var offset = start
    var highBits: UInt64 = 0
    while offset < text.count {
      let byte = text[offset]
      switch byte {
      case UInt8(ascii: "\""): return (offset, highBits)
      case UInt8(ascii: "\\"):
        // Nearly all escape sequences are of quotes and line breaks.
        if offset + 1 < text.count, text[offset + 1] == 0x22 || text[offset + 1] == UInt8(ascii: "n") {
          offset += 2
        } else {
          try JSONText.skipEscape(text, &offset)
        }
      case 0..<0x20: throw JSONError(.unexpectedByte, at: offset)
      default:
        let plain = JSONText.endOfPlain(text, offset)
        offset = plain.end
        highBits |= plain.highBits
      }
    }
    throw JSONError(.unexpectedEnd, at: offset)
  }
}
