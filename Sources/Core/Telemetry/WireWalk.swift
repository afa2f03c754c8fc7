/// Checks a message all the way down and counts its spans, data points or log records.
///
/// Batches of many senders are concatenated, so one sender's malformed request must be found before it spoils what
/// others sent.
struct WireWalk {
  let bytes: [UInt8]
  private(set) var itemCount = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  mutating func check(_ type: MessageType, in range: Range<Int>, depth: Int = 0) throws(WireError) {
    guard depth < TelemetryBatch.maximumDepth else { throw WireError(.tooDeep, at: range.lowerBound) }
    let schema = type.schema
    if schema.isItem { itemCount += 1 }
    var reader = WireReader(bytes, in: range)
    while let field = try reader.next() {
      guard let known = schema.field(field.number) else { continue }
      do {
        try check(field, known, depth)
      } catch {
        throw error.field.isEmpty
          ? WireError(error.reason, at: error.offset, field: "\(schema.name).\(known.name)") : error
      }
    }
  }

  private mutating func check(_ field: WireField, _ known: FieldSchema, _ depth: Int) throws(WireError) {
    switch (field.value, known.kind) {
    case (.delimited(let content), .message(let inner)): try check(inner, in: content, depth: depth + 1)
    case (.delimited, .string), (.delimited, .bytes): break
    case (.delimited(let content), .identifier(let length)):
      guard content.isEmpty || content.count == length else {
        throw WireError(.invalidIdentifier, at: field.range.lowerBound)
      }
    case (.delimited(let content), _) where known.rule == .repeated:
      var reader = WireReader(bytes, in: content)
      while !reader.isAtEnd {
        switch known.kind.wireType {
        case .varint: _ = try reader.varint()
        case .fixed64: _ = try reader.fixed64()
        case .fixed32: _ = try reader.fixed32()
        case .delimited: break
        }
      }
    case (.varint, let kind) where kind.wireType == .varint: break
    case (.fixed64, let kind) where kind.wireType == .fixed64: break
    case (.fixed32, let kind) where kind.wireType == .fixed32: break
    default: throw WireError(.wrongWireType, at: field.range.lowerBound)
    }
  }
}
