import JSON
import OdigosObjects

/// What became of a Processor in the configuration of one collector.
public enum ProcessorOutcome: Sendable, Equatable {
  /// It is part of the pipelines of its signals.
  case added
  /// It is switched off.
  case disabled
  /// It is left out; the message says why.
  case failed(String)
}

/// The Processors of one collector, in the order in which they work.
struct ProcessorSelection {
  /// Those that take part: their ids, settings and signals.
  private(set) var entries: [(id: ComponentID, settings: JSONValue, signals: Set<Signal>)] = []
  /// By the name of the object, for those that have this collector's role.
  private(set) var outcomes: [String: ProcessorOutcome] = [:]

  /// `reserved` are the ids of the processors that the configuration has anyway.
  init(_ processors: [Processor], role: CollectorRole, components: CollectorComponents, reserved: Set<ComponentID>) {
    let ordered = processors.sorted { ($0.spec.orderHint ?? 0, $0.name) < ($1.spec.orderHint ?? 0, $1.name) }
    for processor in ordered where processor.spec.collectorRoles.contains(role.rawValue) {
      if processor.spec.disabled == true {
        outcomes[processor.name] = .disabled
        continue
      }
      let id = ComponentID(processor.spec.type ?? "", processor.name)
      let settings = processor.spec.processorConfig ?? [:]
      if let problem = Self.problem(processor, id, settings, components, reserved) {
        outcomes[processor.name] = .failed(problem)
      } else {
        entries.append((id, settings, Set(processor.spec.signals.compactMap(Signal.init(rawValue:)))))
        outcomes[processor.name] = .added
      }
    }
  }

  /// Those of one signal.
  func entries(for signal: Signal) -> [(id: ComponentID, settings: JSONValue)] {
    entries.filter { $0.signals.contains(signal) }.map { ($0.id, $0.settings) }
  }

  private static func problem(
    _ processor: Processor, _ id: ComponentID, _ settings: JSONValue, _ components: CollectorComponents,
    _ reserved: Set<ComponentID>
  ) -> String? {
    guard !id.type.isEmpty else { return "spec.type is missing" }
    guard components.processors.contains(id.type) else {
      let known = components.processors.sorted().joined(separator: ", ")
      return "processor type \"\(id.type)\" is not supported; supported types: \(known)"
    }
    guard !reserved.contains(id) else { return "the name \(id) is taken; give the Processor another name" }
    guard !processor.spec.signals.isEmpty else { return "spec.signals is empty" }
    if let unknown = processor.spec.signals.first(where: { Signal(rawValue: $0) == nil }) {
      return "spec.signals has \"\(unknown)\"; write some of \(Signal.allCases.map(\.rawValue).joined(separator: ", "))"
    }
    return ProcessorSettings.problem(type: id.type, settings)
  }
}

/// Checks the settings of the processors that we know: one wrong key would keep the whole collector from starting.
enum ProcessorSettings {
  /// What is wrong, nil for nothing.
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
    return type == "resource" ? resourceProblem(settings) : nil
  }

  private enum Kind: String {
    case integer, duration
    case texts = "list of texts"
    case list

    func accepts(_ value: JSONValue) -> Bool {
      switch self {
      case .integer: (value.int ?? -1) >= 0
      case .duration: value.string.map(GoDuration.isValid) ?? false
      case .texts: value.array?.allSatisfy { $0.string != nil } ?? false
      case .list: value.array != nil
      }
    }
  }

  private static let keys: [String: [String: Kind]] = [
    "batch": [
      "timeout": .duration, "send_batch_size": .integer, "send_batch_max_size": .integer, "metadata_keys": .texts,
      "metadata_cardinality_limit": .integer,
    ],
    "memory_limiter": [
      "check_interval": .duration, "limit_mib": .integer, "spike_limit_mib": .integer, "limit_percentage": .integer,
      "spike_limit_percentage": .integer,
    ],
    "resource": ["attributes": .list],
  ]

  private static func resourceProblem(_ settings: JSONValue) -> String? {
    let actions = ["insert", "update", "upsert", "delete", "hash", "extract", "convert"]
    guard let attributes = settings["attributes"]?.array, !attributes.isEmpty else {
      return "spec.processorConfig.attributes is missing or empty"
    }
    for (index, attribute) in attributes.enumerated() {
      let path = "spec.processorConfig.attributes[\(index)]"
      guard let action = attribute["action"]?.string, actions.contains(action) else {
        return "\(path).action is not one of \(actions.joined(separator: ", "))"
      }
      guard attribute["key"]?.string?.isEmpty == false || (action == "delete" && attribute["pattern"] != nil) else {
        return "\(path).key is missing"
      }
      let sources = ["value", "from_attribute", "from_context"].filter { attribute[$0] != nil }
      if ["insert", "update", "upsert"].contains(action), sources.count != 1 {
        return "\(path) needs exactly one of value, from_attribute, from_context"
      }
    }
    return nil
  }
}

/// Go's notation of durations, such as "200ms" or "1m30s".
enum GoDuration {
  static func isValid(_ text: String) -> Bool {
    if text == "0" { return true }
    var rest = text[...]
    guard !rest.isEmpty else { return false }
    while !rest.isEmpty {
      let number = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
      guard number.contains(where: \.isNumber), number.filter({ $0 == "." }).count <= 1 else { return false }
      rest = rest.dropFirst(number.count)
      guard
        let unit = ["ns", "us", "µs", "ms", "s", "m", "h"].filter({ rest.hasPrefix($0) }).max(by: {
          $0.count < $1.count
        })
      else { return false }
      rest = rest.dropFirst(unit.count)
    }
    return true
  }
}
