import JSON

/// Which strings may stand without quotes.
enum PlainString {
  /// Words that YAML 1.1 readers take for truth values, merges or defaults.
  private static let words: Set<String> = ["y", "n", "yes", "no", "on", "off", "true", "false", "null", "~", "<<", "="]

  /// Whether readers of YAML 1.1 and of 1.2 both read this text as the string that it is.
  ///
  /// Whatever begins like a number is quoted, which takes care of dates, base 60, underscores, versions and infinity.
  /// The emitter checks the indicators itself.
  static func isSafe(_ text: String) -> Bool {
    guard let first = text.utf8.first, !words.contains(text.lowercased()) else { return false }
    switch first {
    case _ where isDigit(first): return false
    case UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."):
      guard let second = text.utf8.dropFirst().first else { return false }
      return !isDigit(second) && second != UInt8(ascii: ".")
        && !["inf", "nan"].contains(
          text.utf8.dropFirst().prefix(3).map { UnicodeScalar($0 | 0x20).description }.joined())
    default: return !text.utf8.contains(UInt8(ascii: "\n"))
    }
  }
}
