/// What a field holds and how it is written.
enum FieldKind: Equatable {
  case bool, enumeration, int32, uint32, int64, uint64, sint32, fixed32, fixed64, sfixed64, double, string, bytes
  /// A trace or span id of so many bytes, or empty; hexadecimal in OTLP/JSON.
  case identifier(Int)
  case message(MessageType)

  var wireType: WireType {
    switch self {
    case .bool, .enumeration, .int32, .uint32, .int64, .uint64, .sint32: .varint
    case .fixed64, .sfixed64, .double: .fixed64
    case .fixed32: .fixed32
    case .string, .bytes, .identifier, .message: .delimited
    }
  }
}

/// One field of a message.
struct FieldSchema {
  /// Whether the field may be absent, and what that means.
  enum Rule: Equatable {
    /// Absent means the zero value, which is not written.
    case implicit
    /// Absent differs from zero.
    case optional
    /// At most one of the message's fields of this rule is set. No OTLP message has two such groups.
    case choice
    case repeated
  }

  var number: Int
  /// The name in OTLP/JSON.
  var name: String
  var kind: FieldKind
  var rule: Rule
}

/// The fields of one message: what validation, OTLP/JSON and splitting are driven by, in place of generated code.
final class MessageSchema: Sendable {
  let name: String
  let fields: [FieldSchema]
  /// Whether one message counts as one span, data point or log record.
  let isItem: Bool
  /// By field number; OTLP's are small.
  private let byNumber: [FieldSchema?]

  init(_ name: String, isItem: Bool = false, _ fields: [FieldSchema]) {
    self.name = name
    self.isItem = isItem
    self.fields = fields
    var table = [FieldSchema?](repeating: nil, count: (fields.map(\.number).max() ?? 0) + 1)
    for field in fields { table[field.number] = field }
    byNumber = table
  }

  /// The field of that number; nil for those that we do not know.
  func field(_ number: Int) -> FieldSchema? { number < byNumber.count ? byNumber[number] : nil }
}
