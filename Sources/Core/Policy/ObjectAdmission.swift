import JSON

/// Why an object is refused: the field, what is wrong with it and what to write instead.
public struct AdmissionProblem: Sendable, Hashable, CustomStringConvertible {
  /// The field as `kubectl explain` writes it, such as `spec.workload.kind`.
  public var field: String
  /// What is wrong and how to mend it.
  public var message: String

  /// Names a problem.
  public init(_ field: String, _ message: String) {
    self.field = field
    self.message = message
  }

  /// `field: message`.
  public var description: String { "\(field): \(message)" }
}

/// What is said about an object that somebody creates or changes: it passes unless there are problems.
public struct ObjectVerdict: Sendable, Hashable {
  /// Why it is refused; all reasons at once, so that they are mended at once.
  public var problems: [AdmissionProblem] = []
  /// What its author should know although it passes.
  public var warnings: [String] = []

  /// A verdict without objections.
  public init() {}

  /// Whether it may be stored.
  public var isAllowed: Bool { problems.isEmpty }

  /// All problems in one text, as clients show it.
  public var message: String { problems.map(\.description).joined(separator: "; ") }

  mutating func refuse(_ field: String, _ message: String) { problems.append(AdmissionProblem(field, message)) }
}

/// What an object gets that its author left out or got wrong.
public struct ObjectDefaults: Sendable, Hashable {
  /// The changes; empty where nothing is missing.
  public var patch = JSONPatch()
  /// What was corrected, for the author.
  public var warnings: [String] = []

  /// Changes nothing.
  public init() {}
}

extension JSONValue {
  /// A value as a message shows it: short, whatever its author wrote.
  var shown: String {
    let text = String(decoding: serialized(), as: UTF8.self)
    return text.unicodeScalars.count <= 80 ? text : "\(text.unicodeScalars.prefix(77))..."
  }
}
