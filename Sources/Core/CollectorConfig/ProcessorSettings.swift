import JSON

/// Checks the settings of processors: one that the collector refuses keeps the whole collector from starting.
enum ProcessorSettings {
  /// What is wrong, nil for nothing. Types that we do not know are taken as they are.
  static func problem(type: String, _ settings: JSONValue) -> String? {
    guard let members = settings.object else { return "spec.processorConfig is no object" }
    guard let keys = keys[type] else { return nil }
    for (key, value) in members.sorted(by: { $0.key < $1.key }) {
      guard let kind = keys[key] else {
        return "spec.processorConfig.\(key): processor \(type) has no such setting; "
          + "it has \(keys.keys.sorted().joined(separator: ", "))"
      }
      guard kind.accepts(value) else { return "spec.processorConfig.\(key) is no \(kind.rawValue)" }
    }
    switch type {
    case "batch": return batchProblem(settings)
    case "memory_limiter": return limiterProblem(settings)
    case "resource": return resourceProblem(settings)
    default: return nil
    }
  }

  private enum Kind: String {
    case count = "whole number from 0 to 10000000"
    case percentage = "whole number from 0 to 100"
    case duration = "duration such as 200ms or 1m30s"
    case list

    func accepts(_ value: JSONValue) -> Bool {
      switch self {
      case .count: value.int.map((0...10_000_000).contains) ?? false
      case .percentage: value.int.map((0...100).contains) ?? false
      case .duration: value.string.map(GoDuration.isValid) ?? false
      case .list: value.array != nil
      }
    }
  }

  /// The settings that upstream and `odigos-collector` share.
  private static let keys: [String: [String: Kind]] = [
    "batch": ["timeout": .duration, "send_batch_size": .count, "send_batch_max_size": .count],
    "memory_limiter": [
      "check_interval": .duration, "limit_mib": .count, "spike_limit_mib": .count, "limit_percentage": .percentage,
      "spike_limit_percentage": .percentage,
    ],
    "resource": ["attributes": .list],
  ]

  private static func batchProblem(_ settings: JSONValue) -> String? {
    let size = settings["send_batch_size"]?.int ?? 8192
    let most = settings["send_batch_max_size"]?.int ?? 0
    return most > 0 && most < size
      ? "spec.processorConfig.send_batch_max_size \(most) must be 0 or at least send_batch_size, \(size)" : nil
  }

  private static func limiterProblem(_ settings: JSONValue) -> String? {
    guard settings["check_interval"] != nil else { return "spec.processorConfig.check_interval is missing" }
    for (limit, spike) in [("limit_mib", "spike_limit_mib"), ("limit_percentage", "spike_limit_percentage")] {
      guard let value = settings[limit]?.int, value > 0 else { continue }
      guard (settings[spike]?.int ?? 0) < value else {
        return "spec.processorConfig.\(spike) must be below \(limit), \(value)"
      }
      return nil
    }
    return "spec.processorConfig.limit_mib or limit_percentage must be above 0"
  }

  private static func resourceProblem(_ settings: JSONValue) -> String? {
    let actions = ["insert", "update", "upsert", "delete"]
    guard let attributes = settings["attributes"]?.array, !attributes.isEmpty else {
      return "spec.processorConfig.attributes is missing or empty"
    }
    for (index, attribute) in attributes.enumerated() {
      let path = "spec.processorConfig.attributes[\(index)]"
      guard let action = attribute["action"]?.string, actions.contains(action) else {
        return "\(path).action is not one of \(actions.joined(separator: ", "))"
      }
      guard attribute["key"]?.string?.isEmpty == false else { return "\(path).key is missing" }
      let sources = ["value", "from_attribute"].filter { attribute[$0].map { !$0.isNull } ?? false }
      if action == "delete" ? !sources.isEmpty : sources.count != 1 {
        return action == "delete"
          ? "\(path): delete takes neither value nor from_attribute"
          : "\(path) needs exactly one of value, from_attribute"
      }
      if let other = attribute["from_attribute"], other.string?.isEmpty ?? true {
        return "\(path).from_attribute is no name of an attribute"
      }
      let known = ["action", "key", "value", "from_attribute"]
      if let unknown = attribute.object?.keys.sorted().first(where: { !known.contains($0) }) {
        return "\(path).\(unknown) is not supported; an entry has \(known.joined(separator: ", "))"
      }
    }
    return nil
  }
}
