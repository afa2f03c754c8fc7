import JSON

/// What the decision about a workload's agents depends on.
public struct AgentFacts: Sendable {
  /// Who is instrumented: the workload, its service name and its overrides.
  public var selection: SelectionVerdict
  /// The containers of the pod template, in order; may be empty where it is not known.
  public var containerNames: [String]
  /// What the node agents saw in its containers.
  public var runtimeDetails: [RuntimeFacts]
  /// Whether the node collector receives, and what.
  public var nodeCollector: NodeCollectorState
  /// The effective configuration.
  public var configuration: OdigosConfiguration
  /// Every InstrumentationRule that there is.
  public var rules: [InstrumentationRuleFacts]
  /// The Actions that agents carry out.
  public var actions: [AgentActionFacts] = []
  /// Why instrumentation was taken back, or is withheld, where it is (`Rollback`).
  public var rollback: Reason?
  /// What the nodes have.
  public var inventory: AgentInventory
  /// What the pod template says of its containers' variables; may be empty where it is not known.
  public var templates: [ContainerTemplate]

  /// Gathers the facts.
  public init(
    selection: SelectionVerdict, containerNames: [String], runtimeDetails: [RuntimeFacts],
    nodeCollector: NodeCollectorState, configuration: OdigosConfiguration, rules: [InstrumentationRuleFacts] = [],
    rollback: Reason? = nil, inventory: AgentInventory = .release, templates: [ContainerTemplate] = []
  ) {
    self.selection = selection
    self.containerNames = containerNames
    self.runtimeDetails = runtimeDetails
    self.nodeCollector = nodeCollector
    self.configuration = configuration
    self.rules = rules
    self.rollback = rollback
    self.inventory = inventory
    self.templates = templates
  }
}

/// Which agent each container of a workload gets.
public enum AgentPolicy {
  /// Decides for every container, and from these for the workload.
  public static func decide(_ facts: AgentFacts) -> AgentVerdict {
    guard facts.selection.isInstrumented else {
      return AgentVerdict(reason: facts.selection.reason, containers: [], agentsMetaHash: "")
    }
    let names = containerNames(facts)
    let containers = names.map { ContainerPolicy(facts: facts, containerName: $0).decide() }
    var verdict = AgentVerdict(
      reason: workloadReason(containers), containers: containers,
      agentsMetaHash: AgentsMetaHash.compute(
        containers: containers, serviceName: facts.selection.serviceName, nodeCollector: facts.nodeCollector,
        mountMethod: facts.configuration.mountMethod, userVariables: facts.configuration.userVariables))
    verdict.sdkConfigs = sdkConfigs(facts, containers)
    return verdict
  }

  /// What the rules say to agents of the older generation: an entry for each language that gets one.
  private static func sdkConfigs(_ facts: AgentFacts, _ containers: [ContainerVerdict]) -> [JSONValue] {
    let languages = Set(containers.filter(\.enabled).compactMap(\.language)).sorted { $0.rawValue < $1.rawValue }
    return languages.compactMap { language in
      InstrumentationRules.merge(facts.rules, workload: facts.selection.workload, language: language).sdkConfig
    }
  }

  /// The containers of the template, then those that were only seen running (injected by others) or overridden.
  private static func containerNames(_ facts: AgentFacts) -> [String] {
    var names: [String] = []
    names.appendMissing(facts.containerNames)
    names.appendMissing(facts.runtimeDetails.map(\.containerName))
    names.appendMissing(facts.selection.containerOverrides.filter { $0.runtimeInfo != nil }.map(\.containerName))
    return names
  }

  /// One enabled container makes the workload enabled; otherwise the weightiest reason speaks for it.
  private static func workloadReason(_ containers: [ContainerVerdict]) -> Reason {
    let enabled = containers.filter(\.enabled)
    // A container that is left out on purpose says something of the workload only where there is no other.
    let others = containers.filter { $0.reason.code != .ignoredContainer }
    let candidates = enabled.isEmpty ? (others.isEmpty ? containers : others) : enabled
    let weightiest = candidates.max { $0.reason.code.containerPriority < $1.reason.code.containerPriority }
    guard let weightiest else {
      return Reason(.waitingForRuntimeInspection, "No container of this workload has been inspected yet.")
    }
    guard !enabled.isEmpty else {
      return Reason(weightiest.reason.code, "Container \(weightiest.containerName): \(weightiest.reason.message)")
    }
    let list = enabled.map(\.containerName).joined(separator: ", ")
    let text = "\(enabled.count) of \(containers.count) containers get an agent: \(list)."
    return Reason(weightiest.reason.code, text)
  }
}

/// Which agent one container gets, and why.
public struct ContainerVerdict: Sendable, Hashable {
  /// The container.
  public var containerName: String
  /// Whether it gets an agent.
  public var enabled: Bool
  /// Why.
  public var reason: Reason
  /// The distribution that was chosen, also where it cannot be used.
  public var distributionName: String?
  /// The parameters of the distribution.
  public var distributionParameters: [String: String] = [:]
  /// How the variables that load the agent reach the process; nil without an agent.
  public var environmentMethod: EnvironmentInjectionMethod?
  /// What the agent is told about traces; nil where it sends none.
  public var traces: JSONValue?
  /// What the agent is told about metrics; nil where it sends none.
  public var metrics: JSONValue?
  /// What the agent is told about logs; nil where it sends none.
  public var logs: JSONValue?
  /// How much the agent logs; nil for its default.
  public var agentDiagnostics: JSONValue?

  /// The signals that the agent sends; nil where that is not said, as in objects of older releases.
  public var signals: Set<CollectedSignal>? {
    var signals: Set<CollectedSignal> = []
    if traces != nil { signals.insert(.traces) }
    if metrics != nil { signals.insert(.metrics) }
    if logs != nil { signals.insert(.logs) }
    return signals.isEmpty ? nil : signals
  }

  /// The language of the programs that the distribution is for.
  var language: ProgrammingLanguage? { distributionName.flatMap(Distributions.named)?.language }

  /// The members of the entry that agents can be told while they run: a change of them is no reason for new pods.
  static let settingsKeys = ["traces", "metrics", "logs", "agentDiagnostics"]

  /// Whether pods that run are instrumented as they are.
  var isRestartOptional: Bool {
    distributionName.flatMap(Distributions.named)?.capabilities.contains(.noRestart) ?? false
  }

  /// The entry of `spec.containers` of the InstrumentationConfig.
  public var json: JSONValue {
    var value: JSONValue = [
      "containerName": .string(containerName), "agentEnabled": .bool(enabled),
      "agentEnabledReason": .string(reason.code.rawValue), "agentEnabledMessage": .string(reason.message),
    ]
    value["otelDistroName"] = distributionName.map { .string($0) }
    if !distributionParameters.isEmpty {
      var writer = ConfigurationWriter(JSONObject())
      writer.map("distroParams", distributionParameters)
      value["distroParams"] = writer["distroParams"]
    }
    value["envInjectionMethod"] = environmentMethod.map { .string($0.rawValue) }
    if enabled, isRestartOptional { value["podManifestInjectionOptional"] = true }
    value["traces"] = traces
    value["metrics"] = metrics
    value["logs"] = logs
    value["agentDiagnostics"] = agentDiagnostics
    return value
  }
}

/// The agents of a workload.
public struct AgentVerdict: Sendable, Hashable {
  /// What is said of the workload as a whole (condition AgentEnabled).
  public var reason: Reason
  /// What is said of each container.
  public var containers: [ContainerVerdict]
  /// Changes exactly when a new pod would be injected differently; "" when no container gets an agent.
  public var agentsMetaHash: String
  /// `spec.sdkConfigs` of the InstrumentationConfig, for agents of the older generation.
  public var sdkConfigs: [JSONValue] = []

  /// Whether any container gets an agent (`spec.agentInjectionEnabled`).
  public var isInjectionEnabled: Bool { containers.contains(where: \.enabled) }
  /// Whether every agent reaches pods that run (`spec.podManifestInjectionOptional`), so that nothing has to restart.
  public var isRestartOptional: Bool {
    isInjectionEnabled && containers.allSatisfy { !$0.enabled || $0.isRestartOptional }
  }
  /// `spec.containers` of the InstrumentationConfig.
  public var containersJSON: JSONValue { .array(containers.map(\.json)) }
}

/// The hash by which pods say what was injected into them.
enum AgentsMetaHash {
  static func compute(
    containers: [ContainerVerdict], serviceName: String, nodeCollector: NodeCollectorState, mountMethod: MountMethod,
    userVariables: [ProgrammingLanguage: [NamedValue]] = [:]
  ) -> String {
    let enabled = containers.filter(\.enabled)
    if enabled.isEmpty { return "" }
    var entries: [JSONValue] = []
    for container in enabled.sorted(by: { $0.containerName < $1.containerName }) {
      var entry = container.json
      // Words for people change with releases and mean no other injection.
      for key in ["agentEnabledReason", "agentEnabledMessage"] + ContainerVerdict.settingsKeys { entry[key] = nil }
      let distribution = container.distributionName.flatMap(Distributions.named)
      // But what an agent learns from variables, it learns at its start.
      for (item, name, path) in InjectedEnvironment.configurationVariables
      where distribution?.configurationItems.contains(item) == true {
        entry[name] = container.json.at(path)
      }
      if distribution?.takesResourceAttributes == true { entry["serviceName"] = .string(serviceName) }
      if distribution?.takesExporters == true, let signals = container.signals ?? nodeCollector.signals {
        entry["signals"] = .strings(signals.map(\.rawValue).sorted())
      }
      // `auto` as such: pods that run have been scheduled, and need not move when another method becomes the best.
      if distribution?.directories.isEmpty == false { entry["mountMethod"] = .string(mountMethod.rawValue) }
      if let variables = distribution.flatMap({ userVariables[$0.language] }) {
        entry["userVariables"] = .array(variables.map(\.json))
      }
      entries.append(entry)
    }
    return SHA256.hexPrefix(of: JSONValue.array(entries).canonicallySerialized(), bytes: 8)
  }
}
