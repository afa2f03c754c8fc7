import JSON

/// Which labels an object must have (metav1.LabelSelector).
public struct LabelSelector: Sendable, Equatable {
  /// One demand on the labels.
  public enum Requirement: Sendable, Equatable {
    /// The label is there and has one of the values.
    case isIn(String, [String])
    /// The label is not there or has none of the values.
    case isNotIn(String, [String])
    /// The label is there.
    case exists(String)
    /// The label is not there.
    case doesNotExist(String)
  }

  /// The demands; all must hold, and none at all matches everything.
  public var requirements: [Requirement]

  /// A selector of these demands.
  public init(_ requirements: [Requirement]) { self.requirements = requirements }

  /// A selector for exactly these labels.
  public init(matchLabels: [String: String]) {
    requirements = matchLabels.sorted { $0.key < $1.key }.map { .isIn($0.key, [$0.value]) }
  }

  /// Reads a selector; nil where it is malformed. An empty one matches everything, as the API has it.
  public init?(json: JSONValue) {
    guard json.object != nil else { return nil }
    requirements = []
    for (key, value) in json["matchLabels"]?.object ?? [:] {
      guard let text = value.string else { return nil }
      requirements.append(.isIn(key, [text]))
    }
    for expression in json["matchExpressions"]?.array ?? [] {
      guard let key = expression["key"]?.string else { return nil }
      let values = expression["values"]?.array?.compactMap(\.string) ?? []
      switch expression["operator"]?.string {
      case "In" where !values.isEmpty: requirements.append(.isIn(key, values))
      case "NotIn" where !values.isEmpty: requirements.append(.isNotIn(key, values))
      case "Exists": requirements.append(.exists(key))
      case "DoesNotExist": requirements.append(.doesNotExist(key))
      default: return nil
      }
    }
  }

  /// Whether the labels meet all demands.
  public func matches(_ labels: [String: String]) -> Bool {
    requirements.allSatisfy { requirement in
      switch requirement {
      case .isIn(let key, let values): labels[key].map(values.contains) ?? false
      case .isNotIn(let key, let values): !(labels[key].map(values.contains) ?? false)
      case .exists(let key): labels[key] != nil
      case .doesNotExist(let key): labels[key] == nil
      }
    }
  }
}
