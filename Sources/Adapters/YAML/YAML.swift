import JSON

/// Why a text is not YAML that we accept.
public struct YAMLError: Error, Equatable, Sendable, CustomStringConvertible {
  /// What is wrong and where (line and column from 1).
  public var description: String
  /// Makes the error.
  public init(_ description: String) { self.description = description }
}

/// YAML read into JSON values by libyaml's event API, and written by its emitter.
///
/// Scalars are those of YAML 1.2's core schema, so `yes` and `on` are strings; as Go's YAML libraries and therefore
/// kubectl and the OpenTelemetry Collector do, `0644` is octal and `<<` merges mappings.
public enum YAML {
  /// The largest text that is read, in bytes: an etcd object holds 1.5 MiB, a file of all manifests some more.
  public static let maximumSize = 16 << 20
  /// The most mappings and sequences inside one another.
  public static let maximumDepth = 100

  /// Every document of the text in order. An empty document, such as what follows a last `---`, is `null`.
  public static func documents(_ text: [UInt8]) throws(YAMLError) -> [JSONValue] {
    guard text.count <= maximumSize else {
      throw YAMLError("the text has \(text.count) bytes, at most \(maximumSize) are read")
    }
    return try DocumentReader(text).documents()
  }

  /// The only document of the text; `null` when it is empty.
  public static func parse(_ text: [UInt8]) throws(YAMLError) -> JSONValue {
    let documents = try documents(text)
    guard documents.count < 2 else {
      throw YAMLError("the text holds \(documents.count) documents where one is expected")
    }
    return documents.first ?? .null
  }

  /// Writes one document in block style, members in their order. Strings that a YAML 1.1 or 1.2 reader would take for
  /// something else are quoted.
  public static func serialize(_ value: JSONValue) -> String { DocumentWriter.write(value) }
}
