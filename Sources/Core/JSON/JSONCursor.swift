/// A place in a text, and the next of its marks. Small, so that all of it stays in registers; what is seldom needed
/// takes it by value.
struct JSONCursor {
  let text: UnsafePointer<UInt8>
  let end: Int
  /// At most `end`.
  var offset = 0
  var mark: UnsafePointer<UInt32>

  init(_ text: UnsafePointer<UInt8>, _ end: Int, _ mark: UnsafePointer<UInt32>) {
    self.text = text
    self.end = end
    self.mark = mark
  }

  /// Moves to the next byte that is no white space and gives it; 0, which JSON allows nowhere, at the end.
  @inline(__always)
  mutating func next() -> UInt8 {
    if offset < end, text[offset] > 0x20 { return text[offset] }
    offset = Self.endOfSpace(text, end, offset)
    return offset < end ? text[offset] : 0
  }

  /// The offset of the next mark, or the end of the text.
  @inline(__always)
  mutating func nextMark(_ marks: inout JSONMarks) -> Int {
    if mark.pointee == JSONMarks.stop { mark = marks.search() }
    defer { mark += 1 }
    return Int(mark.pointee)
  }

  /// What is wrong with the byte at the cursor.
  var failure: JSONError {
    offset < end ? JSONError(.unexpectedByte, at: offset) : JSONError(.unexpectedEnd, at: end)
  }

  /// What is wrong with a text whose value has ended; nil where nothing but white space follows.
  var trailing: JSONError? {
    let offset = Self.endOfSpace(text, end, offset)
    return offset == end ? nil : JSONError(.trailingBytes, at: offset)
  }

  @inline(never)
  private static func endOfSpace(_ text: UnsafePointer<UInt8>, _ end: Int, _ start: Int) -> Int {
    var offset = start
    while offset < end, [0x20, 0x0a, 0x0d, 0x09].contains(text[offset]) { offset &+= 1 }
    return offset
  }
}

// MARK: - Strings

extension JSONCursor {
  /// A string that needs a look: where its closing quote is and which mark comes behind that, or what is wrong.
  struct Escaped {
    var end: Int
    var mark: UnsafePointer<UInt32>
    var failure: JSONError?
  }

  /// Goes on from the first mark inside of a string to its closing quote.
  @inline(never)
  static func endOfEscaped(_ cursor: JSONCursor, _ first: Int, _ marks: inout JSONMarks) -> Escaped {
    var cursor = cursor
    var offset = first
    while true {
      guard offset < cursor.end else {
        return Escaped(end: offset, mark: cursor.mark, failure: JSONError(.unexpectedEnd, at: cursor.end))
      }
      let byte = cursor.text[offset]
      if byte == UInt8(ascii: "\"") { return Escaped(end: offset, mark: cursor.mark) }
      guard byte == UInt8(ascii: "\\") else {
        return Escaped(end: offset, mark: cursor.mark, failure: JSONError(.unexpectedByte, at: offset))
      }
      let escape = JSONText.escape(UnsafeBufferPointer(start: cursor.text, count: cursor.end), offset)
      guard escape.failure == nil else {
        return Escaped(end: offset, mark: cursor.mark, failure: escape.failure)
      }
      // Of a pair of surrogates the second one has a mark, too.
      if escape.isPair { _ = cursor.nextMark(&marks) }
      offset = cursor.nextMark(&marks)
    }
  }
}

// MARK: - Scalars

extension JSONCursor {
  /// Where the word ends that should be at the cursor; -1 where it is not.
  @inline(__always)
  func end(of word: StaticString) -> Int {
    let size = word.utf8CodeUnitCount
    guard end &- offset >= size else { return -1 }
    for index in 1..<size where text[offset &+ index] != word.utf8Start[index] { return -1 }
    return offset &+ size
  }

  /// What is wrong with a word that begins as one of JSON's at `start`.
  func wordFailure(_ start: Int) -> JSONError {
    let word: StaticString =
      text[start] == UInt8(ascii: "t") ? "true" : text[start] == UInt8(ascii: "f") ? "false" : "null"
    for index in 0..<word.utf8CodeUnitCount {
      guard start + index < end else { return JSONError(.unexpectedEnd, at: end) }
      if text[start + index] != word.utf8Start[index] { return JSONError(.unexpectedByte, at: start + index) }
    }
    return JSONError(.unexpectedByte, at: start)
  }

  /// Where the number at `start` ends; -1 where it is none.
  @inline(never)
  static func endOfNumber(_ text: UnsafePointer<UInt8>, _ end: Int, _ start: Int) -> Int {
    var offset = start
    @inline(__always) func byte() -> UInt8 { offset < end ? text[offset] : 0 }
    @inline(__always) func skipDigits() -> Bool {
      let first = offset
      while byte() &- 0x30 < 10 { offset &+= 1 }
      return offset > first
    }
    if byte() == UInt8(ascii: "-") { offset &+= 1 }
    if byte() == UInt8(ascii: "0") {
      offset &+= 1
      guard byte() &- 0x30 >= 10 else { return -1 }
    } else if !skipDigits() {
      return -1
    }
    if byte() == UInt8(ascii: ".") {
      offset &+= 1
      guard skipDigits() else { return -1 }
    }
    if byte() | 0x20 == UInt8(ascii: "e") {
      offset &+= 1
      if byte() == UInt8(ascii: "+") || byte() == UInt8(ascii: "-") { offset &+= 1 }
      guard skipDigits() else { return -1 }
    }
    return offset
  }
}
