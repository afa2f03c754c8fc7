import JSON
import OdigosObjects

/// Why a destination is not in the gateway's configuration.
public struct DestinationProblem: Error, Sendable, Equatable, CustomStringConvertible {
  /// What can be done about it.
  public enum Kind: Sendable, Equatable {
    /// The Destination must be changed.
    case invalid
    /// The type is none that we can configure.
    case unsupportedType
    /// It will work as soon as its Secret is there; its signals are still collected meanwhile.
    case waitingForSecret
  }
  /// What can be done about it.
  public var kind: Kind
  /// The message of the condition.
  public var description: String

  /// Makes a problem.
  public init(_ kind: Kind, _ description: String) {
    self.kind = kind
    self.description = description
  }
}

/// What is known of a Secret without its values.
public struct SecretFacts: Sendable, Equatable {
  /// The names in `data`.
  public var keys: Set<String>
  /// Those whose values have line breaks or other control characters, so that they cannot be sent in a header.
  public var unprintableKeys: Set<String>
  /// Changes with the content (uid and resource version).
  public var version: String

  /// Makes the facts.
  public init(keys: Set<String>, unprintableKeys: Set<String> = [], version: String) {
    self.keys = keys
    self.unprintableKeys = unprintableKeys
    self.version = version
  }
}

/// A value of a Secret that the gateway reads from its environment.
public struct SecretVariable: Sendable, Hashable, Comparable {
  /// The environment variable.
  public var name: String
  /// The Secret.
  public var secret: String
  /// The name in its `data`.
  public var key: String

  /// Makes a variable.
  public init(name: String, secret: String, key: String) {
    self.name = name
    self.secret = secret
    self.key = key
  }

  /// The variable of a destination's Secret; no two destinations share one. Names of objects have only lower-case
  /// letters, digits, "-" and "." and begin and end with neither of the latter two: "-" becomes "_", "." becomes "o",
  /// a "-" after another "n", so that the first "__" is the border between name and key.
  public init(destination: String, secret: String, key: String) {
    var id = ""
    for character in destination {
      switch character {
      case "-": id += id.hasSuffix("_") || id.hasSuffix("n") ? "n" : "_"
      case ".": id += "o"
      default: id += character.uppercased()
      }
    }
    self.init(name: "\(CollectorEnvironment.destinationPrefix)\(id)__\(key)", secret: secret, key: key)
  }

  /// Orders by the name.
  public static func < (left: SecretVariable, right: SecretVariable) -> Bool { left.name < right.name }
}

/// A Destination as its recipe reads it.
struct DestinationInput {
  /// The name of the object, which tells its components from others'.
  let id: String
  let type: String
  let signals: [Signal]
  private let data: [String: String]
  private let secretName: String?
  private let secret: SecretFacts?

  init(_ destination: Destination, type: String, signals: [Signal], secret: SecretFacts?) {
    id = destination.name
    self.type = type
    self.signals = signals
    data = destination.spec.data
    secretName = destination.spec.secretRef?.name
    self.secret = secret
  }

  /// The name of this destination's components and pipelines.
  var name: String { "\(type)-\(id)" }

  /// A field, nil where it is missing or empty.
  func value(_ field: String) -> String? {
    guard let text = data[field]?.trimmed, !text.isEmpty else { return nil }
    return text
  }

  /// A field that must be there.
  func required(_ field: String) throws(DestinationProblem) -> String {
    guard let text = value(field) else {
      throw DestinationProblem(.invalid, "spec.data.\(field) is missing; destination type \(type) needs it")
    }
    return text
  }

  /// A field that is true or false; false where it is missing.
  func flag(_ field: String) throws(DestinationProblem) -> Bool {
    switch value(field)?.lowercased() {
    case nil, "false": return false
    case "true": return true
    case let text?:
      throw DestinationProblem(.invalid, "spec.data.\(field) is \"\(text)\"; write \"true\" or \"false\"")
    }
  }

  /// A field with one of a few values.
  func choice(_ field: String, of values: [String]) throws(DestinationProblem) -> String? {
    guard let text = value(field) else { return nil }
    guard values.contains(text) else {
      throw DestinationProblem(
        .invalid, "spec.data.\(field) is \"\(text)\"; write one of \(values.joined(separator: ", "))")
    }
    return text
  }

  /// A field that is an address, brought into its form.
  func endpoint(_ field: String, _ normalise: (String) throws(EndpointError) -> String) throws(DestinationProblem)
    -> String
  {
    let text = try required(field)
    do { return try normalise(text) } catch {
      throw DestinationProblem(.invalid, "spec.data.\(field) \"\(text)\": \(error)")
    }
  }

  /// A text for the collector's configuration, which expands `${NAME}`: a reference to a key of the destination's Secret
  /// becomes one to its environment variable, every other `$` stands for itself. Without this the author of a
  /// Destination could read the gateway's files and variables.
  func literal(_ field: String, _ text: String, _ variables: inout Set<SecretVariable>) throws(DestinationProblem)
    -> JSONValue
  {
    var result = ""
    var rest = text[...]
    while let dollar = rest.firstIndex(of: "$") {
      result += rest[..<dollar]
      rest = rest[rest.index(after: dollar)...]
      guard rest.hasPrefix("{"), let close = rest.firstIndex(of: "}") else {
        result += "$$"
        continue
      }
      var key = rest[rest.index(after: rest.startIndex)..<close]
      if key.hasPrefix("env:") { key = key.dropFirst(4) }
      result += "${env:\(try variable(String(key), usedBy: field, &variables))}"
      rest = rest[rest.index(after: close)...]
    }
    return .string(result + rest)
  }

  /// The environment variable of a key of the destination's Secret.
  func variable(_ key: String, usedBy field: String, _ variables: inout Set<SecretVariable>)
    throws(DestinationProblem) -> String
  {
    guard let secretName else {
      throw DestinationProblem(
        .invalid, "spec.data.\(field) refers to ${\(key)}, but the destination has no spec.secretRef that gives it")
    }
    guard key.utf8.first.map({ !(0x30...0x39).contains($0) }) == true, key.utf8.allSatisfy(Self.isVariableByte) else {
      throw DestinationProblem(
        .invalid,
        "spec.data.\(field) refers to ${\(key)}; the key of a Secret that is used must be the name of a variable: "
          + "letters, digits and _, no digit first")
    }
    guard secret?.keys.contains(key) == true else {
      throw DestinationProblem(
        .waitingForSecret, "Secret \(secretName) has no key \(key), to which spec.data.\(field) refers")
    }
    guard secret?.unprintableKeys.contains(key) != true else {
      throw DestinationProblem(
        .waitingForSecret,
        "the value of \(key) in Secret \(secretName), to which spec.data.\(field) refers, has a line break or another "
          + "control character; a header cannot have it (often it is the line break that echo adds)")
    }
    let variable = SecretVariable(destination: id, secret: secretName, key: key)
    variables.insert(variable)
    return variable.name
  }

  private static func isVariableByte(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5a, 0x5f, 0x61...0x7a: true
    default: false
    }
  }
}
