import JSON

/// Which payloads an agent records: `payloadCollection` of a rule and of an InstrumentationConfig.
struct PayloadCollection: Sendable, Hashable {
  /// One kind of payload.
  struct Section: Sendable, Hashable {
    /// Only of these types; nil where the rule does not say.
    var mimeTypes: [String]?
    /// At most so many bytes.
    var maxPayloadLength: Int?
    /// Whether a payload that was cut is left out.
    var dropPartialPayloads: Bool?
    /// What of a statement may be seen.
    var sanitizationPolicy: SanitizationPolicy?

    init(json: JSONValue) {
      mimeTypes = json["mimeTypes"]?.array?.compactMap(\.string)
      maxPayloadLength = json["maxPayloadLength"]?.int
      dropPartialPayloads = json["dropPartialPayloads"]?.bool
      sanitizationPolicy = json["sanitizationPolicy"]?.string.flatMap(SanitizationPolicy.init(rawValue:))
    }

    var json: JSONValue {
      var value: JSONValue = [:]
      value["mimeTypes"] = mimeTypes.map { .strings($0) }
      value["maxPayloadLength"] = maxPayloadLength.map { .int($0) }
      value["dropPartialPayloads"] = dropPartialPayloads.map { .bool($0) }
      value["sanitizationPolicy"] = sanitizationPolicy.map { .string($0.rawValue) }
      return value
    }

    /// Of two rules the one that records less counts; types of both are recorded.
    mutating func merge(_ other: Section) {
      mimeTypes = either(mimeTypes, other.mimeTypes) { first, second in
        var union = first
        union.appendMissing(second)
        return union
      }
      maxPayloadLength = either(maxPayloadLength, other.maxPayloadLength, min)
      dropPartialPayloads = either(dropPartialPayloads, other.dropPartialPayloads) { $0 || $1 }
      sanitizationPolicy = either(sanitizationPolicy, other.sanitizationPolicy, max)
    }
  }

  /// What of a database statement may be seen, the least strict first.
  enum SanitizationPolicy: String, Sendable, Hashable, CaseIterable, Comparable {
    case full
    case sanitizedOrFull = "sanitized-or-full"
    case sanitized

    static func < (left: Self, right: Self) -> Bool { left.strictness < right.strictness }
    private var strictness: Int {
      switch self {
      case .full: 0
      case .sanitizedOrFull: 1
      case .sanitized: 2
      }
    }
  }

  private static let names = ["httpRequest", "httpResponse", "dbQuery", "messaging"]
  private var sections: [String: Section] = [:]

  init(json: JSONValue?) {
    for name in Self.names { sections[name] = json?[name]?.object.map { Section(json: .object($0)) } }
  }

  var isEmpty: Bool { sections.isEmpty }
  /// The kinds of payload that are asked for.
  var names: [String] { Self.names.filter { sections[$0] != nil } }

  var json: JSONValue {
    var value: JSONValue = [:]
    for name in Self.names { value[name] = sections[name]?.json }
    return value
  }

  mutating func merge(_ other: PayloadCollection) {
    for (name, section) in other.sections {
      guard var present = sections[name] else {
        sections[name] = section
        continue
      }
      present.merge(section)
      sections[name] = present
    }
  }
}

/// What two rules say together: where only one says something, that.
func either<Value>(_ first: Value?, _ second: Value?, _ merge: (Value, Value) -> Value) -> Value? {
  guard let first else { return second }
  guard let second else { return first }
  return merge(first, second)
}
