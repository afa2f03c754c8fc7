import JSON

/// Something in a configuration that its author should know.
public struct ConfigurationProblem: Error, Sendable, Hashable, CustomStringConvertible {
  /// How bad it is.
  public enum Severity: String, Sendable, Hashable {
    /// The value cannot be used; the configuration is refused.
    case error
    /// The configuration is used without it.
    case warning
  }
  /// How bad it is.
  public var severity: Severity
  /// The key, with dots between levels; "" for the whole configuration.
  public var key: String
  /// What is wrong and what would be right.
  public var message: String

  /// Makes a problem.
  public init(_ severity: Severity, key: String, _ message: String) {
    self.severity = severity
    self.key = key
    self.message = message
  }

  /// `error: key: message`.
  public var description: String { "\(severity.rawValue): \(key.isEmpty ? "" : key + ": ")\(message)" }
}

/// Reads one level of a configuration: notes wrong values, and knows in the end which keys nobody asked for.
struct ConfigurationReader {
  private let object: JSONObject
  private let prefix: String
  private var seen: Set<String> = []
  var problems: [ConfigurationProblem] = []

  init(_ object: JSONObject, prefix: String = "") {
    self.object = object
    self.prefix = prefix
  }

  func path(_ key: String) -> String { prefix.isEmpty ? key : "\(prefix).\(key)" }

  /// The value of a key; an explicit null counts as absent, as YAML's empty value does.
  mutating func value(_ key: String) -> JSONValue? {
    seen.insert(key)
    guard let value = object[key], !value.isNull else { return nil }
    return value
  }

  mutating func error(_ key: String, _ message: String) {
    problems.append(ConfigurationProblem(.error, key: path(key), message))
  }

  private mutating func read<Value>(_ key: String, _ expected: String, _ convert: (JSONValue) -> Value?) -> Value? {
    guard let value = value(key) else { return nil }
    if let result = convert(value) { return result }
    error(key, "expected \(expected), found \(Self.describe(value)).")
    return nil
  }

  mutating func bool(_ key: String) -> Bool? { read(key, "true or false", \.bool) }
  mutating func string(_ key: String) -> String? { read(key, "a text", \.string) }
  mutating func integer(_ key: String, _ range: ClosedRange<Int>) -> Int? {
    read(key, "a whole number from \(range.lowerBound) to \(range.upperBound)") {
      $0.int.flatMap { range.contains($0) ? $0 : nil }
    }
  }
  mutating func strings(_ key: String) -> [String]? {
    read(key, "a list of texts") { value in
      guard let elements = value.array else { return nil }
      let texts = elements.compactMap(\.string)
      return texts.count == elements.count ? texts : nil
    }
  }
  mutating func map(_ key: String) -> [String: String]? {
    read(key, "names with texts (quote numbers and truth values)") { value in
      guard let object = value.object else { return nil }
      var result: [String: String] = [:]
      for (name, member) in object {
        guard let text = member.string else { return nil }
        result[name] = text
      }
      return result
    }
  }
  mutating func duration(_ key: String) -> ConfigurationDuration? {
    read(key, "a duration such as 5m or 1h30m") { $0.string.flatMap(ConfigurationDuration.init) }
  }
  mutating func choice<Value: RawRepresentable & CaseIterable>(_ key: String, _: Value.Type) -> Value?
  where Value.RawValue == String {
    let allowed = Value.allCases.map(\.rawValue).joined(separator: ", ")
    return read(key, "one of \(allowed)") { $0.string.flatMap(Value.init(rawValue:)) }
  }
  /// Reads an object below a key with a reader of its own, which the body must ask for what it left unread.
  mutating func object<Value>(_ key: String, _ body: (inout ConfigurationReader) -> Value) -> Value? {
    guard let members = read(key, "an object", \.object) else { return nil }
    var reader = ConfigurationReader(members, prefix: path(key))
    let result = body(&reader)
    problems += reader.problems
    return result
  }

  /// Everything that nobody asked for, with a warning for each key.
  mutating func unread(known: Set<String>) -> JSONObject {
    var rest = JSONObject()
    for (key, value) in object where !seen.contains(key) {
      rest[key] = value
      problems.append(
        ConfigurationProblem(
          .warning, key: path(key),
          known.contains(key) ? "this key has no effect yet." : "unknown key; check its spelling. It has no effect."))
    }
    return rest
  }

  private static func describe(_ value: JSONValue) -> String {
    switch value {
    case .null: "nothing"
    case .bool(let value): value ? "true" : "false"
    case .int(let value): "\(value)"
    case .number(let literal): literal
    case .string(let text): "\"\(text)\""
    case .array: "a list"
    case .object: "an object"
    }
  }
}

/// A length of time as configurations write it: numbers with units, such as `1h30m`, `300s` or `500ms`.
public struct ConfigurationDuration: Sendable, Hashable, CustomStringConvertible {
  /// The length in milliseconds.
  public var milliseconds: Int

  /// A length in seconds.
  public static func seconds(_ count: Int) -> ConfigurationDuration {
    ConfigurationDuration(milliseconds: count * 1000)
  }

  /// A length in milliseconds.
  public init(milliseconds: Int) { self.milliseconds = milliseconds }

  /// Reads a length; nil unless the text is one.
  public init?(_ text: String) {
    var total = 0
    var rest = text[...]
    guard !rest.isEmpty else { return nil }
    while !rest.isEmpty {
      let digits = rest.prefix { $0.isASCII && $0.isNumber }
      rest = rest.dropFirst(digits.count)
      let unit = rest.prefix { $0.isASCII && $0.isLetter }
      rest = rest.dropFirst(unit.count)
      guard let count = Int(digits), let factor = Self.units[String(unit)] else { return nil }
      let (product, overflow) = count.multipliedReportingOverflow(by: factor)
      let (sum, sumOverflow) = total.addingReportingOverflow(product)
      guard !overflow, !sumOverflow else { return nil }
      total = sum
    }
    milliseconds = total
  }

  private static let units = ["ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000]

  /// The text in the largest units that fit.
  public var description: String {
    var rest = milliseconds
    var text = ""
    for (unit, factor) in [("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)] where rest >= factor {
      text += "\(rest / factor)\(unit)"
      rest %= factor
    }
    return text.isEmpty ? "0s" : text
  }
}
