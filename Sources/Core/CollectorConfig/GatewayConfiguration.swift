import JSON
import OdigosObjects

/// What became of a Destination.
public enum DestinationOutcome: Sendable, Equatable {
  /// It is in the configuration with these signals; `note` says what of it is left out.
  case configured(signals: [Signal], note: String?)
  /// It is switched off.
  case disabled
  /// It is left out.
  case failed(DestinationProblem)
}

/// What the gateway's configuration depends on besides destinations and processors.
public struct GatewaySettings: Sendable, Equatable {
  /// Hard limit and spike of the memory limiter, in MiB.
  public var memoryLimiter: MemoryLimiter
  /// What the collector has.
  public var components: CollectorComponents

  /// Makes the settings.
  public init(memoryLimiter: MemoryLimiter, components: CollectorComponents = .odigosCollector) {
    self.memoryLimiter = memoryLimiter
    self.components = components
  }
}

/// The settings of the processor memory_limiter, in MiB.
public struct MemoryLimiter: Sendable, Equatable {
  /// Above it data is refused and memory is freed by force.
  public var limitMiB: Int
  /// That much below the limit data begins to be refused.
  public var spikeMiB: Int

  /// Makes the settings.
  public init(limitMiB: Int, spikeMiB: Int) {
    self.limitMiB = limitMiB
    self.spikeMiB = spikeMiB
  }

  var json: JSONValue {
    ["check_interval": "1s", "limit_mib": .int(limitMiB), "spike_limit_mib": .int(spikeMiB)]
  }
}

/// The gateway's configuration: one pipeline for every signal of every destination.
public struct GatewayConfiguration: Sendable, Equatable {
  /// The configuration.
  public var configuration = CollectorConfiguration()
  /// What became of each Destination, by its name.
  public var destinations: [String: DestinationOutcome] = [:]
  /// What became of each Processor with the gateway's role, by its name.
  public var processors: [String: ProcessorOutcome] = [:]
  /// The signals that the gateway takes, in order. Those of a destination that only waits for its Secret are among
  /// them, because to stop collecting a signal restarts every workload that sends it.
  public var signals: [Signal] = []
  /// What the gateway's environment must hold, by name.
  public var variables: [SecretVariable] = []

  /// Makes the configuration. A destination or processor that cannot be configured changes nothing for the others.
  /// - Parameter secrets: the Secrets of the installation's namespace by name.
  public static func make(
    destinations: [Destination], processors: [Processor], secrets: [String: SecretFacts], settings: GatewaySettings
  ) -> GatewayConfiguration {
    var result = GatewayConfiguration()
    result.addCommonParts(settings)
    let selection = ProcessorSelection(
      processors, role: .gateway, components: settings.components, reserved: Set(reserved))
    result.processors = selection.outcomes

    var collected: Set<Signal> = []
    for destination in destinations.sorted(by: { $0.name < $1.name }) {
      if destination.spec.disabled == true {
        result.destinations[destination.name] = .disabled
        continue
      }
      do {
        let (input, components, note) = try configure(destination, secrets, settings.components)
        result.add(input, components, selection)
        collected.formUnion(input.signals)
        result.destinations[destination.name] = .configured(signals: input.signals, note: note)
      } catch {
        result.destinations[destination.name] = .failed(error)
        if error.kind == .waitingForSecret {
          collected.formUnion(destination.spec.signals.compactMap(Signal.init(rawValue:)))
        }
      }
    }
    result.signals = Signal.collectable.filter(collected.contains)
    result.discardWhatHasNoDestination()
    return result
  }

  private static let receiver = ComponentID("otlp")
  private static let memoryLimiter = ComponentID("memory_limiter")
  private static let version = ComponentID("resource", "odigos-version")
  private static let batch = ComponentID("batch")
  private static let discard = ComponentID("debug", "discard")
  private static let reserved = [memoryLimiter, version, batch]

  private mutating func addCommonParts(_ settings: GatewaySettings) {
    configuration.receivers[Self.receiver] = [
      "protocols": [
        // Connections end now and then, so that senders spread over the gateway's pods after it was scaled.
        "grpc": [
          "endpoint": .string("0.0.0.0:\(CollectorPort.otlpGRPC)"), "max_recv_msg_size_mib": 128,
          "keepalive": ["server_parameters": ["max_connection_age": "15s", "max_connection_age_grace": "2s"]],
        ],
        "http": ["endpoint": .string("0.0.0.0:\(CollectorPort.otlpHTTP)")],
      ]
    ]
    configuration.processors[Self.memoryLimiter] = settings.memoryLimiter.json
    configuration.processors[Self.version] = .upsert("odigos.version", environment: CollectorEnvironment.version)
    configuration.extensions[ComponentID("health_check")] = .healthCheck
  }

  /// The components of one destination, or why there are none.
  private static func configure(
    _ destination: Destination, _ secrets: [String: SecretFacts], _ available: CollectorComponents
  ) throws(DestinationProblem) -> (DestinationInput, DestinationComponents, note: String?) {
    let type = destination.spec.type ?? ""
    guard let recipe = DestinationRecipe.all[type] else {
      throw DestinationProblem(
        .unsupportedType,
        "destination type \"\(type)\" is not supported; supported types: "
          + DestinationRecipe.all.keys.sorted().joined(separator: ", "))
    }
    let signals = try signals(of: destination, type: type, recipe)
    try refuseSourceSelector(destination)
    var facts: SecretFacts?
    if let name = destination.spec.secretRef?.name, !name.isEmpty {
      guard let secret = secrets[name] else {
        throw DestinationProblem(.waitingForSecret, "Secret \(name) of spec.secretRef does not exist")
      }
      facts = secret
    }
    let input = DestinationInput(
      destination, type: type, signals: Signal.collectable.filter(signals.contains), secret: facts)
    let components = try recipe.make(input)
    for id in components.exporters.keys.sorted() where !available.exporters.contains(id.type) {
      throw DestinationProblem(.unsupportedType, "destination type \"\(type)\" needs the exporter \(id.type)")
    }
    for id in components.extensions.keys.sorted() where !available.extensions.contains(id.type) {
      throw DestinationProblem(.unsupportedType, "destination type \"\(type)\" needs the extension \(id.type)")
    }
    return (input, components, signals.contains(.profiles) ? "PROFILES are not collected yet" : nil)
  }

  private static func signals(of destination: Destination, type: String, _ recipe: DestinationRecipe)
    throws(DestinationProblem) -> Set<Signal>
  {
    var signals: Set<Signal> = []
    for name in destination.spec.signals {
      guard let signal = Signal(rawValue: name) else {
        throw DestinationProblem(
          .invalid,
          "spec.signals has \"\(name)\"; write some of \(Signal.allCases.map(\.rawValue).joined(separator: ", "))")
      }
      guard recipe.signals.contains(signal) else {
        throw DestinationProblem(
          .invalid,
          "destination type \(type) does not take \(name); remove it from spec.signals, it takes "
            + recipe.signals.sorted().map(\.rawValue).joined(separator: ", "))
      }
      signals.insert(signal)
    }
    guard !signals.isEmpty else {
      throw DestinationProblem(
        .invalid,
        "spec.signals is empty; write some of \(recipe.signals.sorted().map(\.rawValue).joined(separator: ", "))")
    }
    guard signals != [.profiles] else {
      throw DestinationProblem(.invalid, "PROFILES are not collected yet; add another signal to spec.signals")
    }
    return signals
  }

  /// Sources cannot be told apart yet. A destination that asks for some of them must not get the data of all.
  private static func refuseSourceSelector(_ destination: Destination) throws(DestinationProblem) {
    guard let selector = destination.spec.sourceSelector else { return }
    let field =
      if !selector.namespaces.isEmpty {
        "namespaces"
      } else if !selector.groups.isEmpty {
        "groups"
      } else if !selector.dataStreams.isEmpty, !selector.dataStreams.contains("default") {
        "dataStreams"
      } else {
        ""
      }
    guard field.isEmpty else {
      throw DestinationProblem(
        .invalid,
        "spec.sourceSelector.\(field) is not supported yet, and without it the destination would get the data of "
          + "every source; remove it to send everything")
    }
  }

  private mutating func add(
    _ input: DestinationInput, _ components: DestinationComponents, _ selection: ProcessorSelection
  ) {
    configuration.exporters.merge(components.exporters) { $1 }
    configuration.extensions.merge(components.extensions) { $1 }
    variables = Set(variables).union(components.variables).sorted()
    for signal in input.signals {
      var chain = [Self.memoryLimiter, Self.version]
      let own = selection.entries(for: signal)
      for entry in own {
        configuration.processors[entry.id] = entry.settings
        chain.append(entry.id)
      }
      // A Processor that batches (profile small-batches) has the last word about the size of what is exported.
      if !own.contains(where: { $0.id.type == Self.batch.type }) {
        configuration.processors[Self.batch] = [:]
        chain.append(Self.batch)
      }
      configuration.pipelines[PipelineID(signal, input.name)] = Pipeline(
        receivers: [Self.receiver], processors: chain, exporters: components.exporters.keys.sorted())
    }
  }

  /// Gives the signals without a destination an end: senders would take a missing pipeline for a lasting error, and a
  /// collector without any pipeline does not start.
  private mutating func discardWhatHasNoDestination() {
    let exported = Set(configuration.pipelines.keys.map(\.signal))
    let missing = signals.isEmpty ? [Signal.traces] : signals.filter { !exported.contains($0) }
    for signal in missing {
      configuration.exporters[Self.discard] = ["verbosity": "basic"]
      configuration.pipelines[PipelineID(signal, Self.discard.name)] = Pipeline(
        receivers: [Self.receiver], processors: [Self.memoryLimiter], exporters: [Self.discard])
    }
    if exported.isEmpty { configuration.processors[Self.version] = nil }
  }
}

extension JSONValue {
  /// Settings of a `resource` processor that sets an attribute from an environment variable.
  static func upsert(_ attribute: String, environment: String) -> JSONValue {
    ["attributes": [["action": "upsert", "key": .string(attribute), "value": .string("${env:\(environment)}")]]]
  }

  /// Settings of the extension health_check, for probes of the kubelet.
  static var healthCheck: JSONValue { ["endpoint": .string("0.0.0.0:\(CollectorPort.health)")] }
}
