/// Why a text is not the JSON that we accept, and where.
public struct JSONError: Error, Equatable, Sendable, CustomStringConvertible {
  /// What is wrong.
  public enum Reason: String, Sendable {
    case unexpectedEnd, unexpectedByte, invalidUTF8, invalidEscape, invalidNumber, tooDeep, tooLarge, trailingBytes
  }
  /// What is wrong.
  public var reason: Reason
  /// The byte where it was seen, from 0.
  public var offset: Int
  /// Makes the error.
  public init(_ reason: Reason, at offset: Int) {
    self.reason = reason
    self.offset = offset
  }

  /// The reason in words and the place.
  public var description: String {
    let words =
      switch reason {
      case .unexpectedEnd: "the text ends too early"
      case .unexpectedByte: "a byte that JSON does not allow here"
      case .invalidUTF8: "bytes that are not UTF-8"
      case .invalidEscape: "an escape sequence that JSON does not have"
      case .invalidNumber: "a number that JSON does not allow"
      case .tooDeep: "nested too deeply"
      case .tooLarge: "the text is too large"
      case .trailingBytes: "more text after the value"
      }
    return "invalid JSON at byte \(offset): \(words)"
  }
}
