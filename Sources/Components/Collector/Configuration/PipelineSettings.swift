import Telemetry

/// The components that the configuration defines.
struct DefinedComponents {
  var receivers: [ComponentID]
  var processors: [ComponentID]
  var exporters: [ComponentID]
  var extensions: [ComponentID]

  /// What to say of a name that is not among them.
  static func missing(_ name: String, _ section: String, _ defined: [ComponentID]) -> String {
    let known = defined.isEmpty ? "none" : defined.map(\.description).joined(separator: ", ")
    return "\"\(name)\" is not defined in section \(section); defined: \(known)"
  }
}

/// One pipeline: the way of a signal through the collector.
struct PipelineSettings: Sendable {
  let id: ComponentID
  let signal: Signal
  let receivers: [ComponentID]
  let processors: [ComponentID]
  let exporters: [ComponentID]

  /// The pipelines of `service.pipelines`.
  static func all(_ section: Settings, defined: DefinedComponents) -> [PipelineSettings] {
    if section.keys.isEmpty { section.findings.problem(section.path, "at least one pipeline is needed") }
    return section.keys.compactMap { key in
      let settings = section.section(key)
      guard let id = ComponentID(key), let signal = Signal(rawValue: id.type) else {
        let signals = Signal.allCases.map(\.rawValue).joined(separator: ", ")
        section.findings.problem(settings.path, "\"\(key)\" is no pipeline; write \(signals), or signal/name")
        return nil
      }
      let pipeline = PipelineSettings(
        id: id, signal: signal,
        receivers: references("receivers", settings, defined.receivers, needed: true),
        processors: references("processors", settings, defined.processors, needed: false),
        exporters: references("exporters", settings, defined.exporters, needed: true))
      settings.finish()
      return pipeline
    }
  }

  private static func references(
    _ key: String, _ settings: Settings, _ defined: [ComponentID], needed: Bool
  ) -> [ComponentID] {
    let names = settings.strings(key)
    if needed, names.isEmpty { settings.problem(key, "at least one is needed") }
    var ids: [ComponentID] = []
    for name in names {
      guard let id = ComponentID(name), defined.contains(id) else {
        settings.problem(key, DefinedComponents.missing(name, key, defined))
        continue
      }
      if ids.contains(id) {
        settings.problem(key, "\"\(name)\" stands twice")
      } else {
        ids.append(id)
      }
    }
    return ids
  }
}
