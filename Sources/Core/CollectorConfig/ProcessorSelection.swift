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
