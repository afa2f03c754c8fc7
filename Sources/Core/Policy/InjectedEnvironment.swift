import JSON

/// The variables that one container gets.
struct InjectedEnvironment: Sendable {
  /// What loads the agent instead of the variables that are appended.
  struct Loader: Sendable {
    var variable: InjectedVariable
    /// Whether the agent may be loaded in no other way.
    var isStrict: Bool
  }

  /// In the order in which they are appended: what a value refers to comes before it. The first one opens the block.
  var variables: [InjectedVariable] = []
  /// Those of the variables that name a Service, with its address, for pods that cannot look names up.
  var byAddress: [String: InjectedVariable] = [:]
  /// Those of the variables that name the node collector while its Service's address is not known.
  var withoutAddress: [String] = []
  /// Those without whose values the agent does not load.
  var required: [RequiredVariable] = []
  /// Those that name the address of the node.
  var nodeVariables = NodeVariables()
  /// The service's name; nil where the agent learns it otherwise.
  var serviceName: InjectedVariable?
  /// The resource attributes; nil where the agent takes none.
  var resourceAttributes: ResourceAttributes?
  /// The variables that get our value beside their own.
  var appended: [AppendedVariable] = []
  /// What is used in place of those, where it can be.
  var loader: Loader?
  /// The user's own, which give way to every other.
  var userVariables: [InjectedVariable] = []

  /// Gathers the variables.
  ///
  /// - Parameters:
  ///   - container: what was decided.
  ///   - configuration: the container's entry of the InstrumentationConfig, with the configuration of the agent.
  init(
    container: ContainerVerdict, configuration: JSONValue, distribution: Distribution, details: RuntimeFacts?,
    workload: WorkloadReference, serviceName: String, settings: InjectionSettings, mountMethod: MountMethod
  ) {
    let parameters = container.distributionParameters
    variables = [
      InjectedVariable(OdigosEnvironment.containerName, container.containerName),
      InjectedVariable(OdigosEnvironment.distributionName, distribution.name),
      InjectedVariable(OdigosEnvironment.podName, field: "metadata.name"),
      InjectedVariable(OdigosEnvironment.workloadNamespace, workload.namespace),
    ]
    addFixed(distribution, parameters)
    addOpAMP(distribution, settings, mountMethod)
    if distribution.takesExporters {
      for (name, signal) in Self.exporters {
        variables.append(
          InjectedVariable(name, (container.signals ?? settings.signals).contains(signal) ? "otlp" : "none"))
      }
    }
    addDiagnostics(configuration)
    if distribution.sendsToLocalNode { add(OdigosEnvironment.otlpEndpoint, collectorOf: settings) }
    addConfiguration(configuration, distribution, settings)
    if distribution.takesResourceAttributes {
      self.serviceName = InjectedVariable(OdigosEnvironment.serviceName, serviceName)
      resourceAttributes = ResourceAttributes(workload, containerName: container.containerName)
    }
    if container.environmentMethod == .loader {
      loader = Loader(
        variable: InjectedVariable(OdigosEnvironment.preload, OdigosPath.loader),
        isStrict: settings.environmentMethod == .loader)
    }
    appended = distribution.appendedVariables.map {
      AppendedVariable($0, parameters: parameters, details: details)
    }
    addUserVariables(settings.userVariables[distribution.language] ?? [])
  }

  private mutating func addFixed(_ distribution: Distribution, _ parameters: [String: String]) {
    for variable in distribution.fixedVariables {
      let value = Distribution.resolve(variable.value, parameters)
      if variable.isRequired {
        required.append(RequiredVariable(variable.name, value))
      } else {
        variables.append(InjectedVariable(variable.name, value))
      }
    }
  }

  private mutating func addOpAMP(
    _ distribution: Distribution, _ settings: InjectionSettings, _ mountMethod: MountMethod
  ) {
    guard settings.inventory.hasOpAMPServer else { return }
    if distribution.opAMPTransports.contains(.http) {
      switch settings.endpoint {
      case .nodeAddress:
        let port = settings.opAMPPort
        if port > 0 { nodeVariables.append(OdigosEnvironment.opAMPServerHost) { "\($0):\(port)" } }
      case .localTrafficService:
        add(
          OdigosName.odigletLocal, settings.serviceAddresses.nodeAgent, to: OdigosEnvironment.opAMPServerHost, settings
        ) {
          "\($0):\(OdigosPort.opAMP)"
        }
      }
    }
    if distribution.usesOpAMPSocket(mountMethod) {
      variables.append(InjectedVariable(OdigosEnvironment.opAMPUnixSocket, OdigosPath.opAMPSocket))
    }
  }

  private mutating func add(_ name: String, collectorOf settings: InjectionSettings) {
    switch settings.endpoint {
    case .nodeAddress: nodeVariables.append(name) { "http://\($0):\(OdigosPort.otlpHTTP)" }
    case .localTrafficService:
      let address = settings.serviceAddresses.collector
      if address == nil { withoutAddress.append(name) }
      add(OdigosName.dataCollectionLocalTraffic, address, to: name, settings) { "http://\($0):\(OdigosPort.otlpHTTP)" }
    }
  }

  /// Adds a variable whose value is made of a Service's name, or of its address.
  private mutating func add(
    _ service: String, _ address: String?, to name: String, _ settings: InjectionSettings, value: (String) -> String
  ) {
    variables.append(InjectedVariable(name, value("\(service).\(settings.ownNamespace)")))
    if let address { byAddress[name] = InjectedVariable(name, value(address)) }
  }

  private mutating func addDiagnostics(_ configuration: JSONValue) {
    let levels = [
      (OdigosEnvironment.agentLogLevel, "odigosLogLevel"),
      (OdigosEnvironment.openTelemetryLogLevel, "openTelemetryComponentsLogLevel"),
    ]
    for (name, key) in levels {
      if let level = configuration.at("agentDiagnostics", key)?.string, !level.isEmpty {
        variables.append(InjectedVariable(name, level))
      }
    }
  }

  private mutating func addConfiguration(
    _ configuration: JSONValue, _ distribution: Distribution, _ settings: InjectionSettings
  ) {
    for (item, name, path) in Self.configurationVariables where distribution.configurationItems.contains(item) {
      guard let value = configuration.at(path), !value.isNull else { continue }
      if item == .spanMetrics { add(OdigosEnvironment.metricsEndpoint, collectorOf: settings) }
      let text = String(decoding: value.serialized(), as: UTF8.self)
      variables.append(InjectedVariable(name, InjectedVariable.escaped(text)))
    }
  }

  private mutating func addUserVariables(_ values: [NamedValue]) {
    let own = ownNames
    let others = values.filter { !own.contains($0.name) && !$0.name.isEmpty }
    if others.isEmpty { return }
    let names = others.map(\.name).joined(separator: ",")
    userVariables = [InjectedVariable(OdigosEnvironment.userVariables, names)]
    userVariables += others.map { InjectedVariable($0.name, $0.value) }
  }

  /// Every name that may be added beside the user's own.
  private var ownNames: Set<String> {
    var names = Set(variables.map(\.name) + required.map(\.name) + appended.map(\.name))
    names.formUnion([
      OdigosEnvironment.serviceName, OdigosEnvironment.resourceAttributes, OdigosEnvironment.ownResourceAttributes,
      OdigosEnvironment.nodeIP, OdigosEnvironment.ownNodeIP, OdigosEnvironment.userVariables,
      OdigosEnvironment.preload,
    ])
    return names.union(nodeVariables.values.map(\.variable.name))
  }

  private static let exporters: [(String, CollectedSignal)] = [
    (OdigosEnvironment.logsExporter, .logs), (OdigosEnvironment.metricsExporter, .metrics),
    (OdigosEnvironment.tracesExporter, .traces),
  ]

  /// The parts of an agent's configuration, the variables for them, and where the InstrumentationConfig has them.
  static let configurationVariables: [(Distribution.ConfigurationItem, String, [String])] = [
    (.spanMetrics, OdigosEnvironment.spanMetrics, ["metrics", "spanMetrics"]),
    (.urlTemplatization, OdigosEnvironment.urlTemplatization, ["traces", "urlTemplatization"]),
    (.headSampling, OdigosEnvironment.headSampling, ["traces", "headSampling"]),
    (.spanRenamer, OdigosEnvironment.spanRenamer, ["traces", "spanRenamer"]),
    (
      .customInstrumentations, OdigosEnvironment.phpCustomInstrumentations,
      ["traces", "customInstrumentations", "php"]
    ),
  ]
}

extension Distribution {
  /// Whether its agent can have the OpAMP server's socket: a socket of the node, which only the methods that show the
  /// node's directory bring.
  func usesOpAMPSocket(_ method: MountMethod) -> Bool {
    opAMPTransports.contains(.unix) && (method == .virtualDevice || method == .hostPath)
  }
}
