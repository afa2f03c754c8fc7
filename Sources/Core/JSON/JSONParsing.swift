// CONTRACT, to be implemented by the owner of this target.

/// Why a text is not the JSON that we accept, and where.
public struct JSONError: Error, Equatable, Sendable {
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
}

extension JSONValue {
  /// Parses one JSON text (RFC 8259, strict UTF-8, at most 256 levels, duplicate names: the last one wins).
  public init(parsing text: [UInt8]) throws(JSONError) { throw JSONError(.unexpectedEnd, at: text.count) }

  /// Parses one JSON text.
  public init(parsing text: String) throws(JSONError) { try self.init(parsing: Array(text.utf8)) }

  /// Writes the value without white space, members in their order.
  public func serialized() -> [UInt8] { [] }

  /// Writes the value with sorted member names: the same bytes for equal values (for hashes).
  public func canonicallySerialized() -> [UInt8] { [] }
}
