/// A regular expression over names, in the syntax of Go's `regexp` (RE2) that Sources are written in, and matched as
/// a whole: `web` does not select `webhook`, `web.*` does.
///
/// No expression can hang a decision. It is turned into a list of at most `maximumSteps` instructions, in work that has
/// a bound too, and all of its alternatives are followed side by side, one character of the name after the other, as
/// RE2 does. The work is bounded by instructions times characters, and both have a bound; nothing is ever tried again
/// from an earlier place.
public struct NameExpression: Sendable, Hashable, CustomStringConvertible {
  /// Why an expression cannot be used, as a sentence that begins in lower case.
  public struct Invalid: Error, Sendable, Hashable, CustomStringConvertible {
    /// The sentence.
    public var description: String
  }

  /// The longest expression that is read, in bytes.
  public static let maximumLength = 512
  /// The most instructions that an expression may need. Counted repetitions multiply them.
  public static let maximumSteps = 2000
  /// The longest name that is looked at, in bytes: Kubernetes has no longer ones.
  public static let maximumNameLength = 253

  /// The text that it came from.
  public let description: String
  private let steps: [Step]

  /// One instruction.
  enum Step: Sendable, Hashable {
    /// Goes on when the next character is one of these.
    case character(CharacterSet)
    /// Goes on where the condition holds; takes no character.
    case condition(Condition)
    /// Goes on at both places.
    case fork(Int, Int)
    /// Goes on elsewhere.
    case jump(Int)
    /// The name matches if it ends here.
    case accept
  }

  /// What can be asked of a place between two characters.
  enum Condition: Sendable, Hashable {
    case start, end, wordBoundary, noWordBoundary
  }

  /// Reads an expression.
  public init(_ text: String) throws(Invalid) {
    guard text.utf8.count <= Self.maximumLength else {
      throw Invalid(description: "it is longer than \(Self.maximumLength) bytes")
    }
    var parser = NameExpressionParser(text)
    let tree = try parser.parse()
    var compiler = NameExpressionCompiler()
    try compiler.add(tree)
    try compiler.append(.accept)
    description = text
    steps = compiler.steps
  }

  /// Whether the whole name matches. Names that Kubernetes could not have do not.
  public func matches(_ name: String) -> Bool {
    let name = Array(name.utf8)
    guard name.count <= Self.maximumNameLength else { return false }
    var present = Places(steps.count)
    var next = Places(steps.count)
    follow(0, at: 0, in: name, &present)
    for (position, byte) in name.enumerated() {
      if present.list.isEmpty { return false }
      for place in present.list {
        if case .character(let set) = steps[place], set.contains(byte) {
          follow(place + 1, at: position + 1, in: name, &next)
        }
      }
      swap(&present, &next)
      next.removeAll()
    }
    return present.list.contains { steps[$0] == .accept }
  }

  /// Adds the places that are reached from one without taking a character.
  private func follow(_ start: Int, at position: Int, in name: [UInt8], _ places: inout Places) {
    var open = [start]
    while let place = open.popLast() {
      guard places.insert(place) else { continue }
      switch steps[place] {
      case .character, .accept: break
      case .jump(let target): open.append(target)
      case .fork(let first, let second): open += [second, first]
      case .condition(let condition):
        if Self.holds(condition, at: position, in: name) { open.append(place + 1) }
      }
    }
  }

  private static func holds(_ condition: Condition, at position: Int, in name: [UInt8]) -> Bool {
    func isWord(_ index: Int) -> Bool { name.indices.contains(index) && CharacterSet.word.contains(name[index]) }
    return switch condition {
    case .start: position == 0
    case .end: position == name.count
    case .wordBoundary: isWord(position - 1) != isWord(position)
    case .noWordBoundary: isWord(position - 1) == isWord(position)
    }
  }

  /// Places in the list of instructions, each at most once.
  private struct Places {
    var list: [Int] = []
    private var isIn: [Bool]

    init(_ count: Int) { isIn = Array(repeating: false, count: count) }

    mutating func insert(_ place: Int) -> Bool {
      if isIn[place] { return false }
      isIn[place] = true
      list.append(place)
      return true
    }

    mutating func removeAll() {
      for place in list { isIn[place] = false }
      list.removeAll(keepingCapacity: true)
    }
  }
}

/// A set of ASCII characters; names have no others.
struct CharacterSet: Sendable, Hashable {
  private var low: UInt64 = 0
  private var high: UInt64 = 0

  static let digit = CharacterSet(UInt8(ascii: "0")...UInt8(ascii: "9"))
  static let lower = CharacterSet(UInt8(ascii: "a")...UInt8(ascii: "z"))
  static let upper = CharacterSet(UInt8(ascii: "A")...UInt8(ascii: "Z"))
  static let word = digit.union(lower).union(upper).union(CharacterSet(UInt8(ascii: "_")...UInt8(ascii: "_")))
  static let space = CharacterSet(9...10).union(CharacterSet(12...13)).union(CharacterSet(32...32))
  static let all = CharacterSet(0...127)

  init() {}
  init(_ range: ClosedRange<UInt8>) { for byte in range { insert(byte) } }

  mutating func insert(_ byte: UInt8) {
    if byte < 64 { low |= 1 << UInt64(byte) } else if byte < 128 { high |= 1 << UInt64(byte - 64) }
  }
  func contains(_ byte: UInt8) -> Bool {
    byte < 64 ? low & (1 << UInt64(byte)) != 0 : byte < 128 && high & (1 << UInt64(byte - 64)) != 0
  }
  func union(_ other: CharacterSet) -> CharacterSet {
    var result = self
    result.low |= other.low
    result.high |= other.high
    return result
  }
  var inverted: CharacterSet {
    var result = self
    result.low = ~low
    result.high = ~high
    return result
  }
  /// The set with the other case of each of its letters.
  var ignoringCase: CharacterSet {
    var result = self
    for byte in UInt8(ascii: "a")...UInt8(ascii: "z") where contains(byte) || contains(byte - 32) {
      result.insert(byte)
      result.insert(byte - 32)
    }
    return result
  }
}
