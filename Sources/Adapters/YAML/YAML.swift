import JSON

// CONTRACT, to be implemented by the owner of this target.

/// Why a text is not YAML that we accept.
public struct YAMLError: Error, Equatable, Sendable, CustomStringConvertible {
  /// What is wrong and where (line and column from 1).
  public var description: String
  /// Makes the error.
  public init(_ description: String) { self.description = description }
}

/// YAML 1.1 core schema read into JSON values by libyaml's event API, and written by its emitter.
public enum YAML {
  /// Every document of the text.
  public static func documents(_ text: [UInt8]) throws(YAMLError) -> [JSONValue] { [] }
  /// The only document of the text; `null` when it is empty.
  public static func parse(_ text: [UInt8]) throws(YAMLError) -> JSONValue { .null }
  /// Writes one document in block style, members in their order.
  public static func serialize(_ value: JSONValue) -> String { "" }
}
