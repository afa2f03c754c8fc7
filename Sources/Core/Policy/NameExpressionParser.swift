/// What an expression says.
indirect enum NameExpressionTree {
  case empty
  case character(CharacterSet)
  case condition(NameExpression.Condition)
  case sequence([NameExpressionTree])
  case choice([NameExpressionTree])
  /// At least, at most; nil for any number.
  case repetition(NameExpressionTree, Int, Int?)

  private var isEmpty: Bool { if case .empty = self { true } else { false } }

  /// One after the other, without those that say nothing.
  static func sequence(of parts: [NameExpressionTree]) -> NameExpressionTree {
    let parts = parts.filter { !$0.isEmpty }
    return parts.count > 1 ? .sequence(parts) : parts.first ?? .empty
  }

  /// Repeated, unless that says nothing or the same as once: whatever is repeated takes a step.
  static func repeated(_ tree: NameExpressionTree, _ least: Int, _ most: Int?) -> NameExpressionTree {
    if tree.isEmpty || most == 0 { return .empty }
    return least == 1 && most == 1 ? tree : .repetition(tree, least, most)
  }
}

/// Reads the syntax of RE2, as far as it says something about names: no Unicode classes, no `\C`, no `\pN`.
struct NameExpressionParser {
  private let text: [UInt8]
  private var position = 0
  private var depth = 0
  private var ignoresCase = false

  private static let maximumDepth = 50
  /// The most that a counted repetition may ask for, as in RE2.
  private static let maximumCount = 1000

  init(_ text: String) { self.text = Array(text.utf8) }

  private typealias Invalid = NameExpression.Invalid

  mutating func parse() throws(NameExpression.Invalid) -> NameExpressionTree {
    if let byte = text.first(where: { $0 >= 128 || $0 < 32 }) {
      throw Invalid(description: "it has a character (byte \(byte)) that no name has")
    }
    let tree = try choice()
    if position < text.count { throw Invalid(description: "it has a ) without its (") }
    return tree
  }

  private func peek() -> UInt8? { position < text.count ? text[position] : nil }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard peek() == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  private mutating func choice() throws(NameExpression.Invalid) -> NameExpressionTree {
    depth += 1
    defer { depth -= 1 }
    guard depth <= Self.maximumDepth else {
      throw Invalid(description: "its groups are nested more than \(Self.maximumDepth) deep")
    }
    var choices = [try sequence()]
    while take("|") { choices.append(try sequence()) }
    return choices.count == 1 ? choices[0] : .choice(choices)
  }

  private mutating func sequence() throws(NameExpression.Invalid) -> NameExpressionTree {
    var parts: [NameExpressionTree] = []
    while let byte = peek(), byte != UInt8(ascii: "|"), byte != UInt8(ascii: ")") { parts.append(try repetition()) }
    return .sequence(of: parts)
  }

  private mutating func repetition() throws(NameExpression.Invalid) -> NameExpressionTree {
    var tree = try atom()
    var isRepeated = false
    while let (least, most) = try count() {
      if isRepeated { throw Invalid(description: "it repeats a repetition") }
      isRepeated = true
      // Reluctant or not is the same for a match as a whole.
      _ = take("?")
      tree = .repeated(tree, least, most)
    }
    return tree
  }

  private mutating func count() throws(NameExpression.Invalid) -> (Int, Int?)? {
    if take("*") { return (0, nil) }
    if take("+") { return (1, nil) }
    if take("?") { return (0, 1) }
    let start = position
    guard take("{"), let least = number() else {
      position = start
      return nil
    }
    var most: Int? = least
    if take(",") { most = number() }
    // Braces of another form stand for themselves.
    guard take("}") else {
      position = start
      return nil
    }
    guard least <= Self.maximumCount, most ?? 0 <= Self.maximumCount, most ?? least >= least else {
      throw Invalid(description: "it has a repetition from \(least) to \(most ?? least); up to 1000 is possible")
    }
    return (least, most)
  }

  private mutating func number() -> Int? {
    var result: Int?
    while let byte = peek(), CharacterSet.digit.contains(byte), result ?? 0 < 100_000 {
      result = (result ?? 0) * 10 + Int(byte - UInt8(ascii: "0"))
      position += 1
    }
    return result
  }

  private mutating func atom() throws(NameExpression.Invalid) -> NameExpressionTree {
    guard let byte = peek() else { return .empty }
    position += 1
    switch Unicode.Scalar(byte) {
    case "(": return try group()
    case "[": return .character(try characterClass())
    case ".": return .character(.all)
    case "^": return .condition(.start)
    case "$": return .condition(.end)
    case "\\": return try escape()
    case "*", "+", "?": throw Invalid(description: "there is nothing before its \(Unicode.Scalar(byte)) to repeat")
    case "{":
      position -= 1
      if try count() != nil { throw Invalid(description: "there is nothing before its { to repeat") }
      position += 1
      return character(byte)
    default: return character(byte)
    }
  }

  private func character(_ byte: UInt8) -> NameExpressionTree { .character(set(CharacterSet(byte...byte))) }

  private func set(_ set: CharacterSet) -> CharacterSet { ignoresCase ? set.ignoringCase : set }

  private mutating func group() throws(NameExpression.Invalid) -> NameExpressionTree {
    let before = ignoresCase
    if take("?") {
      if take("P") || peek() == UInt8(ascii: "<") {
        guard take("<"), let end = text[position...].firstIndex(of: UInt8(ascii: ">")), end > position else {
          throw Invalid(description: "it has a group whose name is not closed")
        }
        position = end + 1
      } else if try !flags() {
        // Flags without a group hold to the end of the one around them.
        return .empty
      }
    }
    let tree = try choice()
    guard take(")") else { throw Invalid(description: "it has a ( without its )") }
    ignoresCase = before
    return tree
  }

  /// The flags of a group; whether the group follows.
  private mutating func flags() throws(NameExpression.Invalid) -> Bool {
    var isOn = true
    while let byte = peek() {
      position += 1
      switch Unicode.Scalar(byte) {
      case "i": ignoresCase = isOn
      case "s", "m", "U": break  // Nothing in names depends on them.
      case "-": isOn = false
      case ":": return true
      case ")": return false
      default:
        throw Invalid(
          description: "it has (?\(Unicode.Scalar(byte)), which is not possible; groups are (…), (?:…) and (?i:…)")
      }
    }
    throw Invalid(description: "it has a ( without its )")
  }

  private mutating func escape() throws(NameExpression.Invalid) -> NameExpressionTree {
    guard let byte = peek() else { throw Invalid(description: "it ends with a \\") }
    switch Unicode.Scalar(byte) {
    case "A": return condition(.start)
    case "z": return condition(.end)
    case "b": return condition(.wordBoundary)
    case "B": return condition(.noWordBoundary)
    default: return .character(try escapedSet())
    }
  }

  private mutating func condition(_ condition: NameExpression.Condition) -> NameExpressionTree {
    position += 1
    return .condition(condition)
  }

  /// What stands behind a backslash, inside of brackets and out.
  private mutating func escapedSet() throws(NameExpression.Invalid) -> CharacterSet {
    guard let byte = peek() else { throw Invalid(description: "it ends with a \\") }
    position += 1
    switch Unicode.Scalar(byte) {
    case "d": return .digit
    case "D": return CharacterSet.digit.inverted
    case "w": return .word
    case "W": return CharacterSet.word.inverted
    case "s": return .space
    case "S": return CharacterSet.space.inverted
    default:
      // Letters and digits have meanings in other dialects (references to groups, say); never take them literally.
      guard !CharacterSet.word.contains(byte) || byte == UInt8(ascii: "_") else {
        throw Invalid(description: "it has \\\(Unicode.Scalar(byte)), which is not possible")
      }
      return CharacterSet(byte...byte)
    }
  }

  private mutating func characterClass() throws(NameExpression.Invalid) -> CharacterSet {
    let isInverted = take("^")
    var result = CharacterSet()
    var isFirst = true
    while true {
      guard let byte = peek() else { throw Invalid(description: "it has a [ without its ]") }
      if byte == UInt8(ascii: "]"), !isFirst { break }
      isFirst = false
      if let named = try namedClass() {
        result = result.union(named)
        continue
      }
      position += 1
      if byte == UInt8(ascii: "\\") {
        let escaped = try escapedSet()
        result = result.union(escaped)
        continue
      }
      result = result.union(try range(from: byte))
    }
    position += 1
    let folded = set(result)
    return isInverted ? folded.inverted : folded
  }

  private mutating func range(from first: UInt8) throws(NameExpression.Invalid) -> CharacterSet {
    guard peek() == UInt8(ascii: "-"), position + 1 < text.count, text[position + 1] != UInt8(ascii: "]") else {
      return CharacterSet(first...first)
    }
    var last = text[position + 1]
    position += 2
    if last == UInt8(ascii: "\\") {
      guard let escaped = peek() else { throw Invalid(description: "it ends with a \\") }
      position += 1
      last = escaped
    }
    guard last >= first else {
      throw Invalid(description: "its range \(Unicode.Scalar(first))-\(Unicode.Scalar(last)) is the wrong way round")
    }
    return CharacterSet(first...last)
  }

  private mutating func namedClass() throws(NameExpression.Invalid) -> CharacterSet? {
    guard text[position...].starts(with: "[:".utf8) else { return nil }
    for (name, set) in Self.namedClasses where text[position...].starts(with: "[:\(name):]".utf8) {
      position += name.utf8.count + 4
      return set
    }
    throw Invalid(description: "it has a [: of no known class")
  }

  private static let namedClasses: [(String, CharacterSet)] = [
    ("alnum", CharacterSet.digit.union(.lower).union(.upper)), ("alpha", CharacterSet.lower.union(.upper)),
    ("digit", .digit), ("lower", .lower), ("upper", .upper), ("word", .word), ("space", .space),
    ("punct", .punctuation),
  ]
}

extension CharacterSet {
  /// What is seen and neither letter nor digit.
  fileprivate static let punctuation: CharacterSet = {
    var result = CharacterSet()
    for byte in UInt8(33)...126 where !digit.union(lower).union(upper).contains(byte) { result.insert(byte) }
    return result
  }()
}
