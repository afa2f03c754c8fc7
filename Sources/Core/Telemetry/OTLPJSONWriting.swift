import JSON

extension TelemetryBatch {
  /// The batch as OTLP/JSON (opentelemetry-proto, docs/specification.md, "JSON Protobuf Encoding"): names in
  /// lowerCamelCase, identifiers in hexadecimal, enumerations as numbers, 64-bit integers as strings. Fields that OTLP
  /// does not know are left out.
  public func json() throws(WireError) -> JSONValue {
    try MessageDecoder(bytes: bytes).message(signal.request, in: bytes.indices, depth: 0)
  }
}

/// Turns messages into JSON by their schema.
private struct MessageDecoder {
  let bytes: [UInt8]

  func message(_ type: MessageType, in range: Range<Int>, depth: Int) throws(WireError) -> JSONValue {
    guard depth < TelemetryBatch.maximumDepth else { throw WireError(.tooDeep, at: range.lowerBound) }
    let schema = type.schema
    var found: [Int: [WireField]] = [:]
    var choice: Int?
    var reader = WireReader(bytes, in: range)
    while let field = try reader.next() {
      guard let known = schema.field(field.number) else { continue }
      if known.rule == .choice, let earlier = choice, earlier != field.number { found[earlier] = nil }
      if known.rule == .choice { choice = field.number }
      found[field.number, default: []].append(field)
    }
    var object = JSONObject()
    for known in schema.fields {
      guard let occurrences = found[known.number] else { continue }
      object[known.name] = try value(of: known, occurrences, depth)
    }
    return .object(object)
  }

  /// The value of a field from all its occurrences; nil for the zero value of a field that does not tell it from
  /// absence.
  private func value(of field: FieldSchema, _ occurrences: [WireField], _ depth: Int) throws(WireError) -> JSONValue? {
    if field.rule == .repeated {
      var elements: [JSONValue] = []
      for occurrence in occurrences { try append(occurrence, field.kind, depth, to: &elements) }
      return elements.isEmpty ? nil : .array(elements)
    }
    guard let last = occurrences.last else { return nil }
    if case .message(let type) = field.kind {
      return try merged(type, occurrences, depth)
    }
    let value = try scalar(last.value, field.kind, at: last.range.lowerBound)
    return field.rule == .implicit && Self.isZero(value, field.kind) ? nil : value
  }

  /// A message field that stands several times is the concatenation of its contents.
  private func merged(_ type: MessageType, _ occurrences: [WireField], _ depth: Int) throws(WireError) -> JSONValue {
    var contents: [Range<Int>] = []
    for occurrence in occurrences {
      guard case .delimited(let content) = occurrence.value else {
        throw WireError(.wrongWireType, at: occurrence.range.lowerBound, field: type.schema.name)
      }
      contents.append(content)
    }
    if contents.count == 1, let content = contents.first { return try message(type, in: content, depth: depth + 1) }
    let joined = contents.flatMap { bytes[$0] }
    return try MessageDecoder(bytes: joined).message(type, in: joined.indices, depth: depth + 1)
  }

  private func append(
    _ field: WireField, _ kind: FieldKind, _ depth: Int, to elements: inout [JSONValue]
  ) throws(WireError) {
    switch (kind, field.value) {
    case (.message(let type), .delimited(let content)):
      elements.append(try message(type, in: content, depth: depth + 1))
    case (_, .delimited(let content)) where kind.wireType != .delimited:
      var reader = WireReader(bytes, in: content)
      while !reader.isAtEnd {
        let start = reader.position
        let value: WireField.Value =
          switch kind.wireType {
          case .fixed64: .fixed64(try reader.fixed64())
          case .fixed32: .fixed32(try reader.fixed32())
          default: .varint(try reader.varint())
          }
        elements.append(try scalar(value, kind, at: start))
      }
    default: elements.append(try scalar(field.value, kind, at: field.range.lowerBound))
    }
  }

  private func scalar(_ value: WireField.Value, _ kind: FieldKind, at offset: Int) throws(WireError) -> JSONValue {
    switch (kind, value) {
    case (.bool, .varint(let bits)): .bool(bits != 0)
    case (.enumeration, .varint(let bits)), (.int32, .varint(let bits)): .int(Int(Int32(truncatingIfNeeded: bits)))
    case (.uint32, .varint(let bits)): .int(Int(UInt32(truncatingIfNeeded: bits)))
    case (.sint32, .varint(let bits)):
      .int(Int(Int32(truncatingIfNeeded: bits >> 1) ^ -Int32(truncatingIfNeeded: bits & 1)))
    case (.int64, .varint(let bits)), (.sfixed64, .fixed64(let bits)): .string(String(Int64(bitPattern: bits)))
    case (.uint64, .varint(let bits)), (.fixed64, .fixed64(let bits)): .string(String(bits))
    case (.fixed32, .fixed32(let bits)): .int(Int(bits))
    case (.double, .fixed64(let bits)): Self.double(Double(bitPattern: bits))
    case (.string, .delimited(let content)): .string(String(decoding: bytes[content], as: UTF8.self))
    case (.identifier, .delimited(let content)): .string(TextEncoding.hex(bytes[content]))
    case (.bytes, .delimited(let content)): .string(TextEncoding.base64(bytes[content]))
    default: throw WireError(.wrongWireType, at: offset)
    }
  }

  private static func double(_ value: Double) -> JSONValue {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value < 0 ? "-Infinity" : "Infinity" }
    return .number(value.description)
  }

  private static func isZero(_ value: JSONValue, _ kind: FieldKind) -> Bool {
    switch value {
    case .bool(let truth): !truth
    case .int(let number): number == 0
    case .string(let text): text.isEmpty || text == "0" && kind.wireType != .delimited
    case .number(let literal): literal == "0.0"
    default: false
    }
  }
}
