/// Why bytes are not the protobuf message that they should be.
public struct WireError: Error, Equatable, Sendable, CustomStringConvertible {
  /// What is wrong.
  public enum Reason: Equatable, Sendable {
    /// A varint or fixed number goes on beyond the end of its message.
    case truncated
    /// A field says that it is longer than the rest of its message.
    case lengthBeyondEnd
    /// A varint has more than 64 bits.
    case varintTooLong
    /// A field has number 0 or one above 2^29 - 1.
    case invalidFieldNumber
    /// A wire type that protobuf does not have, or the end of a group that did not begin.
    case invalidWireType
    /// A known field comes in another wire type than its own.
    case wrongWireType
    /// A trace or span id that has another length than OTLP's 16 and 8 bytes, and is not empty.
    case invalidIdentifier
    /// Messages inside one another deeper than `TelemetryBatch.maximumDepth`.
    case tooDeep
  }

  /// What is wrong.
  public var reason: Reason
  /// The byte where it was seen, from 0.
  public var offset: Int
  /// The message and field, such as "Span.traceId"; empty where no known field is concerned.
  public var field: String

  /// Makes the error.
  public init(_ reason: Reason, at offset: Int, field: String = "") {
    self.reason = reason
    self.offset = offset
    self.field = field
  }

  /// The reason and the place.
  public var description: String {
    let problem =
      switch reason {
      case .truncated: "the message ends inside a number"
      case .lengthBeyondEnd: "a field is longer than the rest of its message"
      case .varintTooLong: "a number has more than 64 bits"
      case .invalidFieldNumber: "a field number is out of range"
      case .invalidWireType: "a wire type is invalid"
      case .wrongWireType: "the field has another wire type than OTLP gives it"
      case .invalidIdentifier: "the identifier has the wrong length"
      case .tooDeep: "messages are nested too deep"
      }
    return "invalid protobuf at byte \(offset)\(field.isEmpty ? "" : " in \(field)"): \(problem)"
  }
}
