import JSON
import Telemetry

/// The settings of one processor.
enum ProcessorSettings: Sendable {
  case batch(BatchSettings)
  case memoryLimiter(MemoryLimiterSettings)
  case resource([AttributeEdit])

  /// Reads the settings of a processor of a known type.
  init?(_ id: ComponentID, _ settings: Settings) {
    switch id.type {
    case "batch": self = .batch(BatchSettings(settings))
    case "memory_limiter": self = .memoryLimiter(MemoryLimiterSettings(settings))
    case "resource": self = .resource(ResourceSettings.edits(settings))
    default: return nil
    }
  }
}

/// When a batch is sent on.
struct BatchSettings: Sendable, Equatable {
  /// The number of items from which on a batch is sent; 0 sends each request at once.
  var size: Int
  /// The most items in one batch; 0 for no bound.
  var maximumSize: Int
  /// The longest that items wait.
  var timeout: Duration

  init(_ settings: Settings) {
    size = settings.int("send_batch_size", default: 8192, in: 0...10_000_000)
    maximumSize = settings.int("send_batch_max_size", default: 0, in: 0...10_000_000)
    timeout = settings.duration("timeout", default: .milliseconds(200))
    if maximumSize > 0, maximumSize < size {
      settings.problem("send_batch_max_size", "must be 0 or at least send_batch_size (\(size))")
    }
    for key in ["metadata_keys", "metadata_cardinality_limit"] {
      settings.refuse(key, "it does not keep request metadata; remove the key")
    }
  }
}

/// When memory is short.
struct MemoryLimiterSettings: Sendable, Equatable {
  /// A size: fixed, or a share of the memory that the process may use.
  enum Amount: Sendable, Equatable {
    case mebibytes(Int)
    case percent(Int)
  }

  var checkInterval: Duration
  var limit: Amount
  /// How far below the limit refusal begins; nil for a fifth of the limit.
  var spike: Amount?

  init(_ settings: Settings) {
    checkInterval = settings.duration("check_interval", default: .zero)
    if checkInterval == .zero { settings.problem("check_interval", "a duration above 0 is needed, such as 1s") }
    let mebibytes = settings.int("limit_mib", default: 0, in: 0...1 << 30)
    let spike = settings.int("spike_limit_mib", default: 0, in: 0...1 << 30)
    let percent = settings.int("limit_percentage", default: 0, in: 0...100)
    let spikePercent = settings.int("spike_limit_percentage", default: 0, in: 0...100)
    if mebibytes > 0 {
      limit = .mebibytes(mebibytes)
      self.spike = spike > 0 ? .mebibytes(spike) : nil
      if spike >= mebibytes { settings.problem("spike_limit_mib", "must be below limit_mib (\(mebibytes))") }
    } else {
      limit = .percent(percent)
      self.spike = spikePercent > 0 ? .percent(spikePercent) : nil
      if percent == 0 { settings.problem("limit_mib", "either limit_mib or limit_percentage must be above 0") }
      if spikePercent > 0, spikePercent >= percent {
        settings.problem("spike_limit_percentage", "must be below limit_percentage (\(percent))")
      }
    }
  }
}

/// The `resource` processor: `attributes: [{key, action, value | from_attribute}]`.
enum ResourceSettings {
  static func edits(_ settings: Settings) -> [AttributeEdit] {
    guard let value = settings.raw("attributes"), let entries = value.array, !entries.isEmpty else {
      settings.problem("attributes", "a list of at least one {key, action, value} is needed")
      return []
    }
    return entries.enumerated().compactMap { index, entry in
      let entry = Settings(entry, path: "\(settings.path).attributes[\(index)]", findings: settings.findings)
      let edit = edit(entry)
      entry.finish()
      return edit
    }
  }

  private static func edit(_ entry: Settings) -> AttributeEdit? {
    let key = entry.string("key") ?? ""
    if key.isEmpty { entry.problem("key", "the name of an attribute is needed") }
    let actions = AttributeEdit.Action.allCases.map(\.rawValue).joined(separator: ", ")
    let name = entry.string("action")
    let action = name.flatMap { AttributeEdit.Action(rawValue: $0.lowercased()) }
    if let name, action == nil {
      let upstream = ["hash", "extract", "convert"].contains(name)
      entry.problem(
        "action",
        upstream
          ? "\"\(name)\" is not supported by odigos-collector; it has: \(actions)"
          : "\"\(name)\" is not one of \(actions)")
    } else if name == nil {
      entry.problem("action", "one of \(actions) is needed")
    }
    let value = entry.raw("value")
    let other = entry.string("from_attribute")
    entry.refuse("from_context", "it does not keep request metadata; use value or from_attribute")
    entry.refuse("pattern", "name each attribute by key")
    guard let action, !key.isEmpty else { return nil }
    if action == .delete {
      if value != nil || other != nil { entry.problem("action", "delete takes neither value nor from_attribute") }
      return AttributeEdit(.delete, key: key)
    }
    switch (value, other) {
    case (let value?, nil) where !value.isNull: return AttributeEdit(action, key: key, from: .value(value))
    case (nil, let other?): return AttributeEdit(action, key: key, from: .attribute(other))
    default:
      entry.problem("value", "\(action.rawValue) needs one of value, from_attribute")
      return nil
    }
  }
}
