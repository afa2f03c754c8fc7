import JSON

/// What injection depends on beside the workload: the configuration and the state of the cluster.
public struct InjectionSettings: Sendable, Hashable {
  /// Where agents find the collector of their node.
  public enum Endpoint: Sendable, Hashable {
    /// At the node's own address, where the collector has host ports.
    case nodeAddress
    /// At a Service whose traffic stays on the node (Kubernetes 1.26 and newer).
    case localTrafficService
  }

  /// The namespace of the system.
  public var ownNamespace: String
  /// How the agent files come into containers, as the configuration says.
  public var mountMethod: MountMethod
  /// Whether nodes are made by Karpenter, which cannot foresee the node label of the node agent.
  public var karpenterEnabled: Bool
  /// Where agents find the collector of their node.
  public var endpoint: Endpoint
  /// The addresses of the Services that `endpoint` may lead to, for pods that cannot look their names up.
  public var serviceAddresses = ServiceAddresses()
  /// The port of the node's address at which agents find the node agent (OpAMP); 0 where it has none.
  public var opAMPPort = OdigosPort.opAMP
  /// The signals that the node collector receives.
  public var signals: Set<CollectedSignal>
  /// How the variables that load an agent reach the process, as the configuration says.
  public var environmentMethod = EnvironmentInjectionMethod.loaderWithFallback
  /// What the nodes have.
  public var inventory = AgentInventory.release
  /// What decides how agent files can come into pods; the namespace's level is filled in for each workload.
  public var mounts = MountFacts()
  /// The init container that copies the agent files.
  public var initContainer = AgentsInitContainer()
  /// The user's variables for every agent of a language.
  public var userVariables: [ProgrammingLanguage: [NamedValue]] = [:]

  /// Gathers the settings.
  public init(
    ownNamespace: String, mountMethod: MountMethod = .virtualDevice, karpenterEnabled: Bool = false,
    endpoint: Endpoint = .nodeAddress, signals: Set<CollectedSignal>
  ) {
    self.ownNamespace = ownNamespace
    self.mountMethod = mountMethod
    self.karpenterEnabled = karpenterEnabled
    self.endpoint = endpoint
    self.signals = signals
    mounts.nodesAreMadeOnDemand = karpenterEnabled
  }

  /// The settings of a configuration.
  ///
  /// - Parameters:
  ///   - configuration: the effective one.
  ///   - ownNamespace: the namespace of the system.
  ///   - endpoint: where agents find the collector of their node.
  ///   - signals: what the node collector receives.
  ///   - mounts: what is known of the cluster; Karpenter is added from the configuration.
  ///   - inventory: what the nodes have.
  public init(
    configuration: OdigosConfiguration, ownNamespace: String, endpoint: Endpoint, signals: Set<CollectedSignal>,
    mounts: MountFacts = MountFacts(), inventory: AgentInventory = .release
  ) {
    self.init(
      ownNamespace: ownNamespace, mountMethod: configuration.mountMethod,
      karpenterEnabled: configuration.karpenterEnabled, endpoint: endpoint, signals: signals)
    opAMPPort = configuration.odigletOpampPort
    environmentMethod = configuration.agentEnvVarsInjectionMethod
    self.inventory = inventory
    self.mounts = mounts
    self.mounts.nodesAreMadeOnDemand = mounts.nodesAreMadeOnDemand || configuration.karpenterEnabled
    initContainer = AgentsInitContainer(configuration)
    userVariables = configuration.userVariables
  }
}

/// The init container that copies the agent files into a pod: what it may use, and as whom it runs.
public struct AgentsInitContainer: Sendable, Hashable {
  /// Requested CPU in thousandths of a core.
  public var requestCPUm = 300
  /// CPU limit in thousandths of a core.
  public var limitCPUm = 300
  /// Requested memory in MiB.
  public var requestMemoryMiB = 300
  /// Memory limit in MiB.
  public var limitMemoryMiB = 300
  /// Whether the cluster chooses the user and the profile itself (OpenShift), and refuses pods that say anything.
  public var leavesUserToCluster = false

  /// The defaults.
  public init() {}

  /// What a configuration says.
  init(_ configuration: OdigosConfiguration) {
    leavesUserToCluster = configuration.openshiftEnabled
    let resources = configuration.agentsInitContainerResources
    requestCPUm = resources.requestCPUm
    limitCPUm = resources.limitCPUm
    requestMemoryMiB = resources.requestMemoryMiB
    limitMemoryMiB = resources.limitMemoryMiB
  }

  /// The container.
  ///
  /// It is restricted as far as pod security goes, so that it is allowed in every namespace.
  func json(image: String, directories: [String]) -> JSONValue {
    let amounts = { (cpu: Int, memory: Int) -> JSONValue in
      ["cpu": .string("\(cpu)m"), "memory": .string("\(memory)Mi")]
    }
    var security: JSONValue = [
      "privileged": false, "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "runAsNonRoot": true,
      "capabilities": ["drop": ["ALL"]],
    ]
    if !leavesUserToCluster {
      security["runAsUser"] = 65532
      security["seccompProfile"] = ["type": "RuntimeDefault"]
    }
    return [
      "name": .string(OdigosName.agentsInitContainer), "image": .string(image),
      "command": .strings(["/usr/bin/odiglet", "copy"] + directories),
      "resources": [
        "limits": amounts(limitCPUm, limitMemoryMiB),
        "requests": amounts(min(requestCPUm, limitCPUm), min(requestMemoryMiB, limitMemoryMiB)),
      ],
      "securityContext": security,
      "volumeMounts": [["name": .string(OdigosName.agentVolume), "mountPath": .string(OdigosPath.agents)]],
    ]
  }
}

extension OdigosConfiguration {
  /// The variables that `userInstrumentationEnvs` adds for each language, by name.
  var userVariables: [ProgrammingLanguage: [NamedValue]] {
    var result: [ProgrammingLanguage: [NamedValue]] = [:]
    for language in ProgrammingLanguage.allCases {
      let variables = userInstrumentationEnvs.variables(for: language).map { NamedValue(name: $0.key, value: $0.value) }
      if !variables.isEmpty { result[language] = variables.sorted { $0.name < $1.name } }
    }
    return result
  }
}
