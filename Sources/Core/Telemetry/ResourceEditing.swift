extension TelemetryBatch {
  /// Applies the edits in order to the attributes of every resource. Only the resources are written anew; a resource
  /// that is missing is made where an edit adds to it.
  public mutating func editResources(_ edits: [AttributeEdit]) throws(WireError) {
    var output = WireWriter()
    var reader = WireReader(bytes)
    while let field = try reader.next() {
      if field.number == 1, case .delimited(let content) = field.value {
        output.delimited(1, try edited(content, edits))
      } else {
        output.raw(bytes[field.range])
      }
    }
    bytes = output.bytes
  }

  /// One `ResourceSpans`, `ResourceMetrics` or `ResourceLogs` with its resource edited.
  private func edited(_ content: Range<Int>, _ edits: [AttributeEdit]) throws(WireError) -> [UInt8] {
    var resource = AttributeList()
    var rest = WireWriter()
    var reader = WireReader(bytes, in: content)
    while let field = try reader.next() {
      if field.number == 1, case .delimited(let inner) = field.value {
        // A message that stands twice is one message: protobuf merges them.
        try resource.read(bytes, in: inner)
      } else {
        rest.raw(bytes[field.range])
      }
    }
    for edit in edits { resource.apply(edit) }
    var output = WireWriter()
    let encoded = resource.encoded()
    if !encoded.isEmpty { output.delimited(1, encoded) }
    output.raw(rest.bytes)
    return output.bytes
  }
}

/// The attributes of a resource, each still encoded, and the resource's other fields.
struct AttributeList {
  struct Attribute {
    var key: [UInt8]
    /// The whole `KeyValue` message.
    var encoded: [UInt8]
    /// The `AnyValue` inside it.
    var value: [UInt8]
  }

  private(set) var attributes: [Attribute] = []
  private var others = WireWriter()

  mutating func read(_ bytes: [UInt8], in range: Range<Int>) throws(WireError) {
    var reader = WireReader(bytes, in: range)
    while let field = try reader.next() {
      if field.number == 1, case .delimited(let content) = field.value {
        attributes.append(try Self.attribute(bytes, in: content))
      } else {
        others.raw(bytes[field.range])
      }
    }
  }

  mutating func apply(_ edit: AttributeEdit) {
    let key = Array(edit.key.utf8)
    if edit.action == .delete {
      attributes.removeAll { $0.key == key }
      return
    }
    let index = attributes.firstIndex { $0.key == key }
    switch edit.action {
    case .insert where index != nil, .update where index == nil: return
    default: break
    }
    guard let value = newValue(edit) else { return }
    let attribute = Attribute(key: key, encoded: keyValue(edit.key, value), value: value)
    if let index { attributes[index] = attribute } else { attributes.append(attribute) }
  }

  /// The resource message.
  func encoded() -> [UInt8] {
    var writer = WireWriter()
    for attribute in attributes { writer.delimited(1, attribute.encoded) }
    writer.raw(others.bytes)
    return writer.bytes
  }

  private func newValue(_ edit: AttributeEdit) -> [UInt8]? {
    switch edit.source {
    case .value: return edit.encodedValue
    case .attribute(let name):
      let key = Array(name.utf8)
      return attributes.first { $0.key == key }?.value
    case nil: return nil
    }
  }

  private static func attribute(_ bytes: [UInt8], in range: Range<Int>) throws(WireError) -> Attribute {
    var attribute = Attribute(key: [], encoded: Array(bytes[range]), value: [])
    var reader = WireReader(bytes, in: range)
    while let field = try reader.next() {
      guard case .delimited(let content) = field.value else { continue }
      if field.number == 1 { attribute.key = Array(bytes[content]) }
      if field.number == 2 { attribute.value = Array(bytes[content]) }
    }
    return attribute
  }
}
