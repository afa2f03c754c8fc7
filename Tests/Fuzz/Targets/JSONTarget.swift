import JSON

/// JSON texts: accepted just when a second, simple judge accepts them; what is written of a value reads as that value.
enum JSONTarget {
  static func run(_ bytes: [UInt8]) {
    let value = try? JSONValue(parsing: bytes)
    require((value != nil) == JSONJudge.accepts(bytes), "the parsers disagree on whether this is JSON")
    guard let value else { return }
    for text in [value.serialized(), value.canonicallySerialized()] {
      require((try? JSONValue(parsing: text)) == value, "what was written reads as another value")
    }
    // Views decode when asked; they must say the same.
    guard let document = try? JSONDocument(parsing: bytes) else { return require(false, "no document of a JSON text") }
    require(document.root.value == value, "the view differs from the value")
  }
}

/// Says whether bytes are a JSON text by the grammar of RFC 8259 alone: slow, without tables, by recursion. It shares
/// nothing with the parser that it judges.
struct JSONJudge {
  private let bytes: [UInt8]
  private var place = 0

  static func accepts(_ bytes: [UInt8]) -> Bool {
    guard String(validating: bytes, as: UTF8.self) != nil else { return false }
    var judge = JSONJudge(bytes: bytes)
    judge.skipBlanks()
    guard judge.value(depth: 0) else { return false }
    judge.skipBlanks()
    return judge.place == bytes.count
  }

  private init(bytes: [UInt8]) { self.bytes = bytes }

  private var next: UInt8? { place < bytes.count ? bytes[place] : nil }

  private mutating func takes(_ character: Character) -> Bool {
    guard next == character.asciiValue else { return false }
    place += 1
    return true
  }

  private mutating func skipBlanks() {
    while let byte = next, [0x20, 0x09, 0x0A, 0x0D].contains(byte) { place += 1 }
  }

  private mutating func value(depth: Int) -> Bool {
    switch next.map({ Character(UnicodeScalar($0)) }) {
    case "{": return container("}", depth) { $0.member(depth + 1) }
    case "[": return container("]", depth) { $0.value(depth: depth + 1) }
    case "\"": return string()
    case "t": return word("true")
    case "f": return word("false")
    case "n": return word("null")
    default: return number()
    }
  }

  private mutating func container(_ end: Character, _ depth: Int, _ element: (inout JSONJudge) -> Bool) -> Bool {
    guard depth < JSONDocument.maximumDepth else { return false }
    place += 1
    skipBlanks()
    if takes(end) { return true }
    repeat {
      skipBlanks()
      guard element(&self) else { return false }
      skipBlanks()
    } while takes(",")
    return takes(end)
  }

  private mutating func member(_ depth: Int) -> Bool {
    guard next == UInt8(ascii: "\""), string() else { return false }
    skipBlanks()
    guard takes(":") else { return false }
    skipBlanks()
    return value(depth: depth)
  }

  private mutating func word(_ word: String) -> Bool {
    guard bytes[place...].starts(with: word.utf8) else { return false }
    place += word.utf8.count
    return true
  }

  private mutating func digits() -> Int {
    let start = place
    while let byte = next, (0x30...0x39).contains(byte) { place += 1 }
    return place - start
  }

  private mutating func number() -> Bool {
    _ = takes("-")
    if !takes("0"), digits() == 0 { return false }
    if takes("."), digits() == 0 { return false }
    if takes("e") || takes("E") {
      if !takes("+") { _ = takes("-") }
      return digits() > 0
    }
    return true
  }

  private mutating func string() -> Bool {
    place += 1
    while let byte = next {
      place += 1
      switch byte {
      case 0x22: return true
      case 0..<0x20: return false
      case 0x5C: if !escape() { return false }
      default: break
      }
    }
    return false
  }

  /// The rest of an escape sequence; surrogates come in pairs.
  private mutating func escape() -> Bool {
    guard let kind = next else { return false }
    place += 1
    guard kind == UInt8(ascii: "u") else { return "\"\\/bfnrt".utf8.contains(kind) }
    guard let unit = hexadecimal() else { return false }
    switch unit {
    case 0xD800..<0xDC00:
      guard takes("\\"), takes("u"), let low = hexadecimal() else { return false }
      return (0xDC00..<0xE000).contains(low)
    case 0xDC00..<0xE000: return false
    default: return true
    }
  }

  private mutating func hexadecimal() -> Int? {
    guard place + 4 <= bytes.count else { return nil }
    defer { place += 4 }
    var result = 0
    for byte in bytes[place..<place + 4] {
      guard let digit = Character(UnicodeScalar(byte)).hexDigitValue, byte < 128 else { return nil }
      result = result * 16 + digit
    }
    return result
  }
}
