import JSON

/// How the values of a setting are written.
public enum ConfigurationForm: Sendable, Hashable {
  /// `true` or `false`.
  case bool
  /// A whole number of that range.
  case integer(ClosedRange<Int>)
  /// A text.
  case text
  /// A length of time, such as `1h30m`.
  case duration
  /// One of these words.
  case choice([String])
  /// A list of texts.
  case list
  /// Names with texts.
  case map
  /// Something with a structure of its own.
  case structure(String)

  /// What values may be, for people.
  public var allowed: String {
    switch self {
    case .bool: "true, false"
    case .integer(let range): "\(range.lowerBound) to \(range.upperBound)"
    case .text: "any text"
    case .duration: "a duration such as 30s, 5m, 1h30m"
    case .choice(let words): words.joined(separator: ", ")
    case .list: "texts"
    case .map: "names with texts"
    case .structure(let text): text
    }
  }

  /// The name of the form.
  public var name: String {
    switch self {
    case .bool: "truth value"
    case .integer: "whole number"
    case .text: "text"
    case .duration: "duration"
    case .choice: "word"
    case .list: "list"
    case .map: "map"
    case .structure: "structure"
    }
  }
}

/// What there is to know about a key of the configuration.
public struct ConfigurationKey: Sendable, Hashable {
  /// The key, with dots between levels.
  public var path: String
  /// How its values are written.
  public var form: ConfigurationForm
  /// The value that holds when nobody sets one; null where that depends on others.
  public var defaultValue: JSONValue
  /// What it does, as a sentence.
  public var summary: String
  /// Whether something in this release acts on it.
  public var hasEffect: Bool

  /// Documents a key, or a part of the configuration that holds several.
  public init(path: String, form: ConfigurationForm, defaultValue: JSONValue, summary: String, hasEffect: Bool) {
    self.path = path
    self.form = form
    self.defaultValue = defaultValue
    self.summary = summary
    self.hasEffect = hasEffect
  }

  /// The default for people; "" where there is none.
  public var defaultText: String {
    switch defaultValue {
    case .null: ""
    case .string(let text): text
    case .array(let elements) where elements.isEmpty: "empty"
    case .object(let members) where members.isEmpty: "empty"
    case .array(let elements): elements.compactMap(\.string).joined(separator: ", ")
    default: String(decoding: defaultValue.serialized(), as: UTF8.self)
    }
  }

  /// The name of the property for `odigos config set`: the key in small letters with dashes.
  public var propertyName: String {
    var result = ""
    var previous: Character = "-"
    for character in path.replacing("MiB", with: "Mib") {
      if character == "." {
        result += "-"
      } else if character.isUppercase {
        // Of several capitals only the first begins a word: centralBackendURL.
        if !previous.isUppercase, previous != "-" { result += "-" }
        result += character.lowercased()
      } else {
        result.append(character)
      }
      previous = character == "." ? "-" : character
    }
    return result
  }

  /// The table of all keys as Markdown, for the operator's guide.
  public static func markdown(_ keys: [ConfigurationKey]) -> String {
    var text = "| Key | Type | Default | Allowed | Meaning |\n| --- | --- | --- | --- | --- |\n"
    for key in keys {
      let standard = key.defaultText.isEmpty ? "" : "`\(key.defaultText)`"
      let effect = key.hasEffect ? "" : " *(read and kept; nothing acts on it yet)*"
      text += "| `\(key.path)` | \(key.form.name) | \(standard) | \(key.form.allowed) | \(key.summary)\(effect) |\n"
    }
    return text
  }
}

/// Finds the key that somebody may have meant.
enum KeySuggestion {
  /// The key that is most like it; nil where none is much like it.
  static func nearest(to key: String, among known: some Sequence<String>) -> String? {
    let limit = max(2, key.count / 3)
    var best: (key: String, distance: Int)?
    for candidate in known.sorted() {
      let distance = distance(key.lowercased(), candidate.lowercased())
      if distance <= limit, distance < best?.distance ?? .max { best = (candidate, distance) }
    }
    return best?.key
  }

  /// How many characters have to be changed, added or removed. The texts are bounded: keys come from anybody.
  private static func distance(_ first: String, _ second: String) -> Int {
    let (first, second) = (Array(first.utf8.prefix(64)), Array(second.utf8.prefix(64)))
    var row = Array(0...second.count)
    for (index, byte) in first.enumerated() {
      var diagonal = row[0]
      row[0] = index + 1
      for place in second.indices {
        let cost = min(row[place], row[place + 1]) + 1
        (diagonal, row[place + 1]) = (row[place + 1], min(cost, diagonal + (byte == second[place] ? 0 : 1)))
      }
    }
    return row[second.count]
  }
}
