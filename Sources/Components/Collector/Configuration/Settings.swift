import JSON

/// One mapping of the configuration. It remembers which keys were asked for; `finish` reports the others, so that no
/// setting is ever ignored without a word.
///
/// Where a value is not what it should be, the problem is noted and the default returned.
final class Settings {
  let path: String
  let findings: ConfigurationFindings
  private let object: JSONObject
  private var asked: [String] = []
  private var refused: Set<String> = []

  /// The settings at a path; absent or null ones are empty.
  init(_ value: JSONValue?, path: String, findings: ConfigurationFindings) {
    self.path = path
    self.findings = findings
    switch value {
    case nil, .null?: object = JSONObject()
    case .object(let object)?: self.object = object
    default:
      findings.problem(path, "a mapping is expected")
      object = JSONObject()
    }
  }

  var keys: [String] { object.keys }

  /// Whether the key is there, even without a value.
  func has(_ key: String) -> Bool { raw(key) != nil }

  func raw(_ key: String) -> JSONValue? {
    if !asked.contains(key) { asked.append(key) }
    return object[key]
  }

  func section(_ key: String) -> Settings {
    Settings(raw(key), path: path(key), findings: findings)
  }

  func string(_ key: String) -> String? {
    switch value(key) {
    case nil: return nil
    case .string(let text)?: return text
    // A number or truth value where text is expected is text that needed no quotes.
    case .int(let number)?: return String(number)
    case .number(let literal)?: return literal
    case .bool(let truth)?: return String(truth)
    default:
      problem(key, "text is expected")
      return nil
    }
  }

  func bool(_ key: String, default fallback: Bool) -> Bool {
    switch value(key) {
    case nil: return fallback
    case .bool(let truth)?: return truth
    case .string("true")?: return true
    case .string("false")?: return false
    default:
      problem(key, "true or false is expected")
      return fallback
    }
  }

  /// A whole number in the range. Text is read as a number, since that is what an environment variable gives.
  func int(_ key: String, default fallback: Int, in range: ClosedRange<Int>) -> Int {
    guard let value = value(key) else { return fallback }
    guard let number = value.int ?? value.string.flatMap({ Int($0) }), range.contains(number) else {
      let end = range.upperBound == .max ? "up" : "to \(range.upperBound)"
      problem(key, "a whole number from \(range.lowerBound) \(end) is expected")
      return fallback
    }
    return number
  }

  func number(_ key: String, default fallback: Double, in range: ClosedRange<Double>) -> Double {
    guard let value = value(key) else { return fallback }
    guard let number = value.double ?? value.string.flatMap({ Double($0) }), range.contains(number) else {
      problem(key, "a number from \(range.lowerBound) to \(range.upperBound) is expected")
      return fallback
    }
    return number
  }

  func duration(_ key: String, default fallback: Duration) -> Duration {
    guard let value = value(key) else { return fallback }
    guard let duration = (value == 0 ? "0" : value.string).flatMap(DurationText.parse) else {
      problem(key, "a duration such as 200ms, 5s or 1m30s is expected")
      return fallback
    }
    return duration
  }

  func choice<Choice: RawRepresentable<String> & CaseIterable>(_ key: String, default fallback: Choice) -> Choice {
    guard let text = string(key) else { return fallback }
    guard let choice = Choice(rawValue: text) else {
      problem(key, "\"\(text)\" is not one of \(Choice.allCases.map(\.rawValue).joined(separator: ", "))")
      return fallback
    }
    return choice
  }

  /// Names and texts, such as headers.
  func texts(_ key: String) -> [(name: String, value: String)] {
    let settings = section(key)
    return settings.keys.compactMap { name in settings.string(name).map { (name, $0) } }
  }

  func strings(_ key: String) -> [String] {
    guard let value = value(key) else { return [] }
    guard let elements = value.array, elements.allSatisfy({ $0.string != nil }) else {
      problem(key, "a list of names is expected")
      return []
    }
    return elements.compactMap(\.string)
  }

  /// Notes what is wrong with a key.
  func problem(_ key: String, _ text: String) { findings.problem(path(key), text) }

  /// Reports a key that upstream has and we do not, with what to do.
  func refuse(_ key: String, _ advice: String) {
    refused.insert(key)
    if has(key) { problem(key, "not supported by odigos-collector; \(advice)") }
  }

  /// Reports the keys that nobody asked for.
  func finish() {
    let allowed = asked.filter { !refused.contains($0) }.sorted()
    for key in object.keys where !asked.contains(key) {
      let near = allowed.min { distance($0, key) < distance($1, key) }.flatMap { distance($0, key) <= 2 ? $0 : nil }
      findings.problem(
        path,
        "unknown key \"\(key)\"" + (near.map { "; did you mean \"\($0)\"?" } ?? "")
          + "; allowed: \(allowed.isEmpty ? "none" : allowed.joined(separator: ", "))")
    }
  }

  private func value(_ key: String) -> JSONValue? {
    guard let value = raw(key), !value.isNull else { return nil }
    return value
  }

  private func path(_ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }
}

/// How many letters have to be added, removed or changed (Levenshtein).
private func distance(_ left: String, _ right: String) -> Int {
  let (left, right) = (Array(left), Array(right))
  var row = Array(0...right.count)
  for (i, letter) in left.enumerated() {
    var diagonal = row[0]
    row[0] = i + 1
    for (j, other) in right.enumerated() {
      let above = row[j + 1]
      row[j + 1] = min(above + 1, row[j] + 1, diagonal + (letter == other ? 0 : 1))
      diagonal = above
    }
  }
  return row[right.count]
}
