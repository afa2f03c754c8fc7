import JSON

/// How a collector's configuration names a component: `type` or `type/name`.
public struct ComponentID: Sendable, Hashable, Comparable, CustomStringConvertible {
  /// The component, such as "otlp".
  public var type: String
  /// What tells it from others of the type.
  public var name: String?

  /// Makes an id.
  public init(_ type: String, _ name: String? = nil) {
    self.type = type
    self.name = name
  }

  /// `type` or `type/name`.
  public var description: String { name.map { "\(type)/\($0)" } ?? type }

  /// Orders by the text.
  public static func < (left: ComponentID, right: ComponentID) -> Bool { left.description < right.description }
}

/// How a collector's configuration names a pipeline: `traces` or `traces/name`.
public struct PipelineID: Sendable, Hashable, Comparable, CustomStringConvertible {
  /// What flows through it.
  public var signal: Signal
  /// What tells it from others of the signal.
  public var name: String?

  /// Makes an id.
  public init(_ signal: Signal, _ name: String? = nil) {
    self.signal = signal
    self.name = name
  }

  /// `signal` or `signal/name`.
  public var description: String { ComponentID(signal.pipelineName, name).description }

  /// Orders by the text.
  public static func < (left: PipelineID, right: PipelineID) -> Bool { left.description < right.description }
}

/// The way of a signal through a collector.
public struct Pipeline: Sendable, Equatable {
  /// Where data comes in.
  public var receivers: [ComponentID]
  /// What changes it, in this order.
  public var processors: [ComponentID]
  /// Where it goes, a copy to each.
  public var exporters: [ComponentID]

  /// Makes a pipeline.
  public init(receivers: [ComponentID], processors: [ComponentID], exporters: [ComponentID]) {
    self.receivers = receivers
    self.processors = processors
    self.exporters = exporters
  }

  var json: JSONValue {
    func list(_ ids: [ComponentID]) -> JSONValue { .array(ids.map { .string($0.description) }) }
    return ["receivers": list(receivers), "processors": list(processors), "exporters": list(exporters)]
  }
}

/// The configuration of an OpenTelemetry Collector. Equal values give the same text: everything is sorted.
public struct CollectorConfiguration: Sendable, Equatable {
  /// Settings of the receivers.
  public var receivers: [ComponentID: JSONValue] = [:]
  /// Settings of the processors.
  public var processors: [ComponentID: JSONValue] = [:]
  /// Settings of the exporters.
  public var exporters: [ComponentID: JSONValue] = [:]
  /// Settings of the extensions; all of them are started.
  public var extensions: [ComponentID: JSONValue] = [:]
  /// The pipelines.
  public var pipelines: [PipelineID: Pipeline] = [:]

  /// An empty configuration.
  public init() {}

  /// The file's content, for a YAML or JSON writer.
  public var json: JSONValue {
    var pipelines = JSONObject()
    for (id, pipeline) in self.pipelines.sorted(by: { $0.key < $1.key }) { pipelines[id.description] = pipeline.json }
    return [
      "receivers": Self.section(receivers),
      "processors": Self.section(processors),
      "exporters": Self.section(exporters),
      "extensions": Self.section(extensions),
      "service": [
        "extensions": .array(extensions.keys.sorted().map { .string($0.description) }),
        "pipelines": .object(pipelines),
      ],
    ]
  }

  /// What is wrong with the references between the parts: a name in a pipeline without settings, settings that no
  /// pipeline uses, a pipeline without an end. Empty for everything that this target makes.
  public var problems: [String] {
    var problems: [String] = []
    var used = (receivers: Set<ComponentID>(), processors: Set<ComponentID>(), exporters: Set<ComponentID>())
    for (id, pipeline) in pipelines.sorted(by: { $0.key < $1.key }) {
      if pipeline.receivers.isEmpty { problems.append("pipeline \(id) has no receiver") }
      if pipeline.exporters.isEmpty { problems.append("pipeline \(id) has no exporter") }
      if Set(pipeline.processors).count < pipeline.processors.count {
        problems.append("pipeline \(id) names a processor twice")
      }
      used.receivers.formUnion(pipeline.receivers)
      used.processors.formUnion(pipeline.processors)
      used.exporters.formUnion(pipeline.exporters)
    }
    if pipelines.isEmpty { problems.append("there is no pipeline") }
    for (kind, used, defined) in [
      ("receiver", used.receivers, Set(receivers.keys)), ("processor", used.processors, Set(processors.keys)),
      ("exporter", used.exporters, Set(exporters.keys)),
    ] {
      problems += used.subtracting(defined).sorted().map { "\(kind) \($0) is not defined" }
      problems += defined.subtracting(used).sorted().map { "\(kind) \($0) is not used" }
    }
    return problems
  }

  private static func section(_ components: [ComponentID: JSONValue]) -> JSONValue {
    var section = JSONObject()
    for (id, settings) in components.sorted(by: { $0.key < $1.key }) { section[id.description] = settings.sorted }
    return .object(section)
  }
}

extension JSONValue {
  /// The same value with the members of every object in the order of their names.
  var sorted: JSONValue {
    switch self {
    case .array(let elements): return .array(elements.map(\.sorted))
    case .object(let members):
      var result = JSONObject()
      for (key, value) in members.sorted(by: { $0.key < $1.key }) { result[key] = value.sorted }
      return .object(result)
    default: return self
    }
  }
}
