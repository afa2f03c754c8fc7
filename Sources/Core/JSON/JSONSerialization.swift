extension JSONValue {
  /// Writes the value without white space, members in their order.
  public func serialized() -> [UInt8] {
    var bytes: [UInt8] = []
    append(to: &bytes)
    return bytes
  }

  /// Writes the value with sorted member names: the same bytes for equal values (for hashes).
  public func canonicallySerialized() -> [UInt8] {
    var bytes: [UInt8] = []
    append(to: &bytes, sorted: true)
    return bytes
  }

  /// Appends the value without white space; `sorted` orders members by the bytes of their names.
  public func append(to bytes: inout [UInt8], sorted: Bool = false) {
    switch self {
    case .null: bytes.append(contentsOf: "null".utf8)
    case .bool(let value): bytes.append(contentsOf: (value ? "true" : "false").utf8)
    case .int(let value): bytes.append(contentsOf: String(value).utf8)
    case .number(let literal): bytes.append(contentsOf: literal.utf8)
    case .string(let value): JSONText.append(value, to: &bytes)
    case .array(let elements):
      bytes.append(UInt8(ascii: "["))
      var isFirst = true
      for element in elements {
        if !isFirst { bytes.append(UInt8(ascii: ",")) }
        isFirst = false
        element.append(to: &bytes, sorted: sorted)
      }
      bytes.append(UInt8(ascii: "]"))
    case .object(let object):
      bytes.append(UInt8(ascii: "{"))
      var isFirst = true
      for (key, value) in sorted ? object.sortedByName : Array(object) {
        if !isFirst { bytes.append(UInt8(ascii: ",")) }
        isFirst = false
        JSONText.append(key, to: &bytes)
        bytes.append(UInt8(ascii: ":"))
        value.append(to: &bytes, sorted: sorted)
      }
      bytes.append(UInt8(ascii: "}"))
    }
  }

  /// Appends a string with its quotes, escaped as JSON requires.
  public static func append(string: String, to bytes: inout [UInt8]) { JSONText.append(string, to: &bytes) }

  /// Appends what stands between the quotes of a string: for strings that are put together from several.
  public static func append(content: String, to bytes: inout [UInt8]) { JSONText.append(content: content, to: &bytes) }
}

extension JSONObject {
  fileprivate var sortedByName: [(key: String, value: JSONValue)] {
    sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
  }
}
