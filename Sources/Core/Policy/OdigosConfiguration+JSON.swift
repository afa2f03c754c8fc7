import JSON

extension OdigosConfiguration {
  /// Reads a configuration. Wrong values are reported and keep their default; unknown keys are reported and kept.
  public static func parse(_ json: JSONValue) -> (configuration: OdigosConfiguration, problems: [ConfigurationProblem])
  {
    if json.isNull { return (OdigosConfiguration(), []) }
    guard let object = json.object else {
      return (OdigosConfiguration(), [ConfigurationProblem(.error, key: "", "expected an object of settings.")])
    }
    var reader = ConfigurationReader(object)
    let configuration = OdigosConfiguration(reader: &reader)
    return (configuration, reader.problems)
  }

  /// Every key that there is, in the order in which they are written.
  public static let keys: [ConfigurationKey] = OdigosConfiguration().keys(below: "")
}

extension [String] {
  /// Appends those that are not there yet.
  mutating func appendMissing(_ others: [String]) {
    for other in others where !contains(other) { append(other) }
  }
}

extension JSONValue {
  static func strings(_ texts: [String]) -> JSONValue { .array(texts.map { .string($0) }) }
}

/// Writes settings, leaving out those that are not set.
struct ConfigurationWriter {
  var object: JSONObject
  /// Begins with the settings that were not understood.
  init(_ unknown: JSONObject) { object = unknown }
  subscript(key: String) -> JSONValue? {
    get { object[key] }
    set { object[key] = newValue }
  }
  mutating func text(_ key: String, _ text: String) {
    if !text.isEmpty { object[key] = .string(text) }
  }
  mutating func map(_ key: String, _ map: [String: String]) {
    if map.isEmpty { return }
    var members = JSONObject()
    for (name, value) in map.sorted(by: { $0.key < $1.key }) { members[name] = .string(value) }
    object[key] = .object(members)
  }
}
