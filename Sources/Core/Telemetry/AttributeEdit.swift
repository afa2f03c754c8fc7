import JSON

/// One change to the attributes of every resource, as the collector's `resource` processor knows them.
public struct AttributeEdit: Sendable, Equatable {
  /// When the edit applies.
  public enum Action: String, Sendable, CaseIterable {
    /// Where the key is absent.
    case insert
    /// Where the key is present.
    case update
    /// Always.
    case upsert
    /// Removes the key.
    case delete
  }

  /// Where the new value comes from.
  public enum Source: Sendable, Equatable {
    /// A value known beforehand: text, number, truth value, list or map.
    case value(JSONValue)
    /// Another attribute of the same resource; without it the edit does nothing.
    case attribute(String)
  }

  /// When the edit applies.
  public let action: Action
  /// The attribute.
  public let key: String
  /// The new value; nil for `delete`.
  public let source: Source?

  /// The `AnyValue` of a value that is known beforehand.
  let encodedValue: [UInt8]?

  /// Makes an edit; only `delete` takes no source.
  public init(_ action: Action, key: String, from source: Source? = nil) {
    self.action = action
    self.key = key
    self.source = source
    encodedValue = if case .value(let value)? = source { anyValue(value) } else { nil }
  }
}

/// The `AnyValue` that means the same as a JSON value.
private func anyValue(_ value: JSONValue) -> [UInt8] {
  var writer = WireWriter()
  switch value {
  case .null: break
  case .string(let text): writer.delimited(1, text.utf8)
  case .bool(let truth):
    writer.tag(2, .varint)
    writer.varint(truth ? 1 : 0)
  case .int(let number):
    writer.tag(3, .varint)
    writer.varint(UInt64(bitPattern: Int64(number)))
  case .number(let literal):
    writer.tag(4, .fixed64)
    writer.fixed64((Double(literal) ?? .nan).bitPattern)
  case .array(let elements):
    var list = WireWriter()
    for element in elements { list.delimited(1, anyValue(element)) }
    writer.delimited(5, list.bytes)
  case .object(let object):
    var list = WireWriter()
    for (key, member) in object { list.delimited(1, keyValue(key, anyValue(member))) }
    writer.delimited(6, list.bytes)
  }
  return writer.bytes
}

/// A `KeyValue` message.
func keyValue(_ key: String, _ value: [UInt8]) -> [UInt8] {
  var writer = WireWriter()
  writer.delimited(1, key.utf8)
  writer.delimited(2, value)
  return writer.bytes
}
