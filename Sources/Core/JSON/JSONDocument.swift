/// What a JSON value is.
public enum JSONKind: UInt8, Sendable, BitwiseCopyable {
  case null, `true`, `false`, number, string, array, object
}

/// A checked JSON text whose values are decoded only when they are asked for: the way in for large requests of which
/// little is read. It is immutable; views of it may be used on any thread.
public final class JSONDocument: Sendable {
  /// How deep arrays and objects may be nested.
  public static let maximumDepth = 256
  /// The largest text in bytes.
  public static let maximumSize = 256 << 20

  /// The text.
  public let bytes: [UInt8]
  let nodes: JSONNodes

  /// Checks a JSON text: RFC 8259, strict UTF-8, one value.
  public init(
    parsing text: [UInt8], maximumSize: Int = JSONDocument.maximumSize, maximumDepth: Int = JSONDocument.maximumDepth
  ) throws(JSONError) {
    guard text.count <= min(maximumSize, Self.maximumSize) else { throw JSONError(.tooLarge, at: maximumSize) }
    nodes = try JSONTape.nodes(text.span, maximumDepth: maximumDepth)
    bytes = text
  }

  /// Checks a JSON text.
  public convenience init(parsing text: String) throws(JSONError) { try self.init(parsing: Array(text.utf8)) }

  /// The whole value.
  public var root: JSONView { JSONView(document: self, index: 0) }
}
