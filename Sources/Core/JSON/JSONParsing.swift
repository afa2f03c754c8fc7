extension JSONValue {
  /// Parses one JSON text (RFC 8259, strict UTF-8, at most 256 levels, duplicate names: the last one wins).
  public init(parsing text: [UInt8]) throws(JSONError) { self = try JSONDocument(parsing: text).root.value }

  /// Parses one JSON text.
  public init(parsing text: String) throws(JSONError) { try self.init(parsing: Array(text.utf8)) }
}
