/// Checks a JSON text (RFC 8259) and notes where its values are. No value is decoded before it is asked for.
///
/// This reads what anybody may send, through pointers: an offset is compared with the end of the text before it is read,
/// and the memory has room for as many nodes as a text of that size can have.
struct JSONTape {
  /// The nodes, to be written up to `count`.
  private let nodes: UnsafeMutablePointer<JSONNode>
  private let capacity: Int
  private var count = 0
  /// The innermost array or object that is open. It notes its parent in its node, which spares a stack.
  private var container = UInt32.max
  private var depth = 0
  private var isObject = false

  /// The nodes of a text.
  static func nodes(_ text: Span<UInt8>, maximumDepth: Int) throws(JSONError) -> JSONNodes {
    var nodes = JSONNodes(capacity: largestCount(text.count, maximumDepth))
    var failure: JSONError?
    nodes.fill { memory, capacity in
      text.withUnsafeBufferPointer { text in
        let result = scan(text, memory, capacity, maximumDepth)
        failure = result.failure
        return result.count
      }
    }
    if let failure { throw failure }
    return nodes
  }

  /// How many nodes a text of that size has at most, also one that turns out to be wrong: what is between two values
  /// takes a byte as they do, unless they are arrays that open.
  private static func largestCount(_ size: Int, _ maximumDepth: Int) -> Int {
    size / 2 + min(size, max(maximumDepth, 0)) + 4
  }

  private static func scan(
    _ text: UnsafeBufferPointer<UInt8>, _ memory: UnsafeMutablePointer<JSONNode>, _ capacity: Int, _ maximumDepth: Int
  ) -> (count: Int, failure: JSONError?) {
    guard let start = text.baseAddress, !text.isEmpty else { return (0, JSONError(.unexpectedEnd, at: 0)) }
    var marks = JSONMarks(text)
    var cursor = JSONCursor(start, text.count, marks.first)
    var tape = JSONTape(nodes: memory, capacity: capacity)
    let failure = tape.scan(&cursor, &marks, maximumDepth)
    if failure == nil, marks.hasHighBytes { return (tape.count, JSONText.utf8Failure(text)) }
    return (tape.count, failure)
  }

  @inline(__always)
  private mutating func scan(_ cursor: inout JSONCursor, _ marks: inout JSONMarks, _ maximumDepth: Int) -> JSONError? {
    var byte = cursor.next()
    value: while true {
      guard capacity &- count >= 2 else { return JSONError(.tooLarge, at: cursor.offset) }
      if isObject {
        guard byte == UInt8(ascii: "\"") else { return cursor.failure }
        if let failure = string(&cursor, &marks) { return failure }
        guard cursor.next() == UInt8(ascii: ":") else { return cursor.failure }
        cursor.offset &+= 1
        byte = cursor.next()
      }
      if byte == UInt8(ascii: "\"") {
        if let failure = string(&cursor, &marks) { return failure }
      } else if byte | 0x20 == UInt8(ascii: "{") {
        guard depth < maximumDepth else { return JSONError(.tooDeep, at: cursor.offset) }
        open(cursor.offset, isObject: byte == UInt8(ascii: "{"))
        cursor.offset &+= 1
        byte = cursor.next()
        guard byte == closer else { continue value }
        close(&cursor)
      } else {
        if let failure = scalar(&cursor, byte) { return failure }
      }
      // What follows a value: the next one, or the end of what is open.
      while true {
        if depth == 0 { return cursor.trailing }
        byte = cursor.next()
        if byte == UInt8(ascii: ",") {
          cursor.offset &+= 1
          byte = cursor.next()
          continue value
        }
        guard byte == closer else { return cursor.failure }
        close(&cursor)
      }
    }
  }

  @inline(__always)
  private var closer: UInt8 { isObject ? UInt8(ascii: "}") : UInt8(ascii: "]") }

  @inline(__always)
  private mutating func open(_ offset: Int, isObject: Bool) {
    let start = UInt32(truncatingIfNeeded: offset)
    nodes[count] = JSONNode(start: start, end: start, next: container, kind: isObject ? .object : .array)
    container = UInt32(truncatingIfNeeded: count)
    count &+= 1
    depth &+= 1
    self.isObject = isObject
  }

  @inline(__always)
  private mutating func close(_ cursor: inout JSONCursor) {
    cursor.offset &+= 1
    let index = Int(container)
    container = nodes[index].next
    nodes[index].end = UInt32(truncatingIfNeeded: cursor.offset)
    nodes[index].next = UInt32(truncatingIfNeeded: count)
    depth &-= 1
    if depth > 0 { isObject = nodes[Int(container)].kind == .object }
  }

  /// Notes a value from `start` to `end`. The size of the text is bounded so that offsets fit.
  @inline(__always)
  private mutating func note(_ kind: JSONKind, _ start: Int, _ end: Int, isEscaped: Bool = false) {
    nodes[count] = JSONNode(
      start: UInt32(truncatingIfNeeded: start), end: UInt32(truncatingIfNeeded: end),
      next: UInt32(truncatingIfNeeded: count &+ 1), kind: kind, isEscaped: isEscaped)
    count &+= 1
  }

  /// Notes the string at the cursor, its opening quote, and moves behind the closing one.
  @inline(__always)
  private mutating func string(_ cursor: inout JSONCursor, _ marks: inout JSONMarks) -> JSONError? {
    let start = cursor.offset &+ 1
    // Quotes outside of strings are marks, and all before this one were read.
    guard cursor.nextMark(&marks) &+ 1 == start else { return cursor.failure }
    let end = cursor.nextMark(&marks)
    if end < cursor.end, cursor.text[end] == UInt8(ascii: "\"") {
      note(.string, start, end)
      cursor.offset = end &+ 1
      return nil
    }
    let rest = JSONCursor.endOfEscaped(cursor, end, &marks)
    guard rest.failure == nil else { return rest.failure }
    note(.string, start, rest.end, isEscaped: true)
    cursor.mark = rest.mark
    cursor.offset = rest.end &+ 1
    return nil
  }

  /// Notes a number, `true`, `false` or `null` that begins with `byte`.
  @inline(__always)
  private mutating func scalar(_ cursor: inout JSONCursor, _ byte: UInt8) -> JSONError? {
    let start = cursor.offset
    let kind: JSONKind
    switch byte {
    case UInt8(ascii: "t"): (kind, cursor.offset) = (.true, cursor.end(of: "true"))
    case UInt8(ascii: "f"): (kind, cursor.offset) = (.false, cursor.end(of: "false"))
    case UInt8(ascii: "n"): (kind, cursor.offset) = (.null, cursor.end(of: "null"))
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
      (kind, cursor.offset) = (.number, JSONCursor.endOfNumber(cursor.text, cursor.end, start))
      guard cursor.offset >= 0 else { return JSONError(.invalidNumber, at: start) }
    default: return cursor.failure
    }
    guard cursor.offset >= 0 else { return cursor.wordFailure(start) }
    note(kind, start, cursor.offset)
    return nil
  }
}
