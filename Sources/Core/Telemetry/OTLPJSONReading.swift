import JSON

/// Why a JSON text is no OTLP/JSON request.
public struct OTLPJSONError: Error, Equatable, Sendable, CustomStringConvertible {
  /// Where, such as `resourceSpans[0].scopeSpans[1].spans[7].traceId`; empty for the whole.
  public private(set) var path: String
  /// What is wrong there.
  public var problem: String

  /// Makes the error.
  public init(path: String = "", _ problem: String) {
    self.path = path
    self.problem = problem
  }

  /// The place and the problem.
  public var description: String { "invalid OTLP/JSON\(path.isEmpty ? "" : " at \(path)"): \(problem)" }

  /// The same error seen from the message around.
  fileprivate func inside(_ component: String) -> OTLPJSONError {
    let separator = path.isEmpty || path.hasPrefix("[") ? "" : "."
    return OTLPJSONError(path: component + separator + path, problem)
  }
}

extension TelemetryBatch {
  /// Takes an OTLP/JSON request from outside. Names that OTLP does not know are ignored, as its specification asks.
  public init(_ signal: Signal, json text: [UInt8]) throws(OTLPJSONError) {
    let value: JSONValue
    do {
      value = try JSONValue(parsing: text)
    } catch {
      throw OTLPJSONError("no JSON: \(error.reason) at byte \(error.offset)")
    }
    try self.init(signal, json: value)
  }

  /// Takes an OTLP/JSON request that is parsed already.
  public init(_ signal: Signal, json value: JSONValue) throws(OTLPJSONError) {
    var encoder = MessageEncoder()
    let bytes = try encoder.message(signal.request, value, depth: 0)
    self.init(signal, trusted: bytes, itemCount: encoder.itemCount)
  }
}

/// Turns JSON into messages by their schema.
private struct MessageEncoder {
  var itemCount = 0

  mutating func message(_ type: MessageType, _ value: JSONValue, depth: Int) throws(OTLPJSONError) -> [UInt8] {
    guard depth < TelemetryBatch.maximumDepth else {
      throw OTLPJSONError("more than \(TelemetryBatch.maximumDepth) messages inside one another")
    }
    let schema = type.schema
    guard let object = value.object else { throw OTLPJSONError("\(schema.name) must be an object") }
    if schema.isItem { itemCount += 1 }
    var writer = WireWriter()
    for field in schema.fields {
      guard let member = object[field.name], !member.isNull else { continue }
      do {
        try write(member, field, to: &writer, depth: depth)
      } catch {
        throw error.inside(field.name)
      }
    }
    return writer.bytes
  }

  private mutating func write(
    _ value: JSONValue, _ field: FieldSchema, to writer: inout WireWriter, depth: Int
  ) throws(OTLPJSONError) {
    guard field.rule == .repeated else {
      let encoded = try single(value, field.kind, depth)
      if field.rule == .implicit, encoded.isZero { return }
      encoded.write(field.number, to: &writer)
      return
    }
    guard let elements = value.array else { throw OTLPJSONError("a list is expected") }
    var packed = WireWriter()
    for (index, element) in elements.enumerated() {
      do {
        let encoded = try single(element, field.kind, depth)
        if case .delimited = encoded {
          encoded.write(field.number, to: &writer)
        } else {
          encoded.writeContent(to: &packed)
        }
      } catch {
        throw error.inside("[\(index)]")
      }
    }
    if !packed.bytes.isEmpty { writer.delimited(field.number, packed.bytes) }
  }

  private mutating func single(_ value: JSONValue, _ kind: FieldKind, _ depth: Int) throws(OTLPJSONError) -> Encoded {
    switch kind {
    case .message(let type): return .delimited(try message(type, value, depth: depth + 1))
    case .string:
      guard let text = value.string else { throw OTLPJSONError("a string is expected") }
      return .delimited(Array(text.utf8))
    case .bytes:
      guard let bytes = value.string.flatMap(TextEncoding.bytes(base64:)) else {
        throw OTLPJSONError("base64 text is expected")
      }
      return .delimited(bytes)
    case .identifier(let length):
      guard let bytes = value.string.flatMap(TextEncoding.bytes(hex:)), bytes.isEmpty || bytes.count == length else {
        throw OTLPJSONError("\(2 * length) hexadecimal digits are expected")
      }
      return .delimited(bytes)
    case .bool:
      guard let truth = value.bool else { throw OTLPJSONError("true or false is expected") }
      return .varint(truth ? 1 : 0)
    case .enumeration:
      guard case .int(let number) = value, let exact = Int32(exactly: number) else {
        throw OTLPJSONError("the number of the enumeration is expected, not its name")
      }
      return .varint(UInt64(bitPattern: Int64(exact)))
    case .int32: return .varint(UInt64(bitPattern: Int64(try integer(value, Int32.self))))
    case .int64: return .varint(UInt64(bitPattern: try integer(value, Int64.self)))
    case .uint32: return .varint(UInt64(try integer(value, UInt32.self)))
    case .uint64: return .varint(try integer(value, UInt64.self))
    case .sint32:
      let number = try integer(value, Int32.self)
      return .varint(UInt64(UInt32(bitPattern: number << 1 ^ number >> 31)))
    case .fixed32: return .fixed32(try integer(value, UInt32.self))
    case .fixed64: return .fixed64(try integer(value, UInt64.self))
    case .sfixed64: return .fixed64(UInt64(bitPattern: try integer(value, Int64.self)))
    case .double: return .fixed64(try double(value).bitPattern)
    }
  }

  /// An integer as a number or as text, as proto3's JSON mapping allows for every width.
  private func integer<Integer: FixedWidthInteger>(
    _ value: JSONValue, _ type: Integer.Type
  ) throws(OTLPJSONError) -> Integer {
    let exact: Integer? =
      switch value {
      case .int(let number): Integer(exactly: number)
      case .number(let literal), .string(let literal):
        Integer(literal) ?? Double(literal).flatMap { Integer(exactly: $0) }
      default: nil
      }
    guard let exact else {
      throw OTLPJSONError("an integer from \(Integer.min) to \(Integer.max) is expected, as a number or as text")
    }
    return exact
  }

  private func double(_ value: JSONValue) throws(OTLPJSONError) -> Double {
    switch value {
    case .string("NaN"): return .nan
    case .string("Infinity"): return .infinity
    case .string("-Infinity"): return -.infinity
    case .string(let literal):
      if let number = Double(literal), number.isFinite { return number }
    default:
      if let number = value.double { return number }
    }
    throw OTLPJSONError("a number is expected")
  }
}

/// A value as the wire has it.
private enum Encoded {
  case varint(UInt64)
  case fixed64(UInt64)
  case fixed32(UInt32)
  case delimited([UInt8])

  var isZero: Bool {
    switch self {
    case .varint(let bits), .fixed64(let bits): bits == 0
    case .fixed32(let bits): bits == 0
    case .delimited(let bytes): bytes.isEmpty
    }
  }

  func write(_ number: Int, to writer: inout WireWriter) {
    switch self {
    case .varint: writer.tag(number, .varint)
    case .fixed64: writer.tag(number, .fixed64)
    case .fixed32: writer.tag(number, .fixed32)
    case .delimited: writer.tag(number, .delimited)
    }
    writeContent(to: &writer)
  }

  func writeContent(to writer: inout WireWriter) {
    switch self {
    case .varint(let bits): writer.varint(bits)
    case .fixed64(let bits): writer.fixed64(bits)
    case .fixed32(let bits): writer.fixed32(bits)
    case .delimited(let bytes):
      writer.varint(UInt64(bytes.count))
      writer.raw(bytes)
    }
  }
}
