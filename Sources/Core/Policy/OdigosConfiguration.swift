import JSON

/// How the variables that load an agent reach the process.
public enum EnvironmentInjectionMethod: String, Sendable, Hashable, CaseIterable {
  case loader
  case podManifest = "pod-manifest"
  case loaderWithFallback = "loader-fallback-to-pod-manifest"
}

/// What the UI may do.
public enum UIMode: String, Sendable, Hashable, CaseIterable {
  case `default`
  case readonly
}

/// The configuration of the system: the key `config.yaml` of its ConfigMap (reference generation "ERA" with the
/// fields of newer ones that we honour). Every value is present; what nobody set has its default.
public struct OdigosConfiguration: Sendable, Hashable {
  /// Counts the changes of the configuration's form.
  public var configVersion = 0
  /// Whether anonymous usage data may be sent. Nothing is sent today.
  public var telemetryEnabled = false
  /// Whether the cluster is an OpenShift one.
  public var openshiftEnabled = false
  /// Namespaces that lists and "everything" leave out; an explicit Source there still counts.
  public var ignoredNamespaces = OdigosConfiguration.defaultIgnoredNamespaces
  /// Containers that are never instrumented.
  public var ignoredContainers = OdigosConfiguration.defaultIgnoredContainers
  /// Whether lists leave out the system's own namespace.
  public var ignoreOdigosNamespace = true
  /// Whether PodSecurityPolicies are installed.
  public var psp = false
  /// The registry that images come from, "" for none.
  public var imagePrefix = ""
  /// Whether certificates come from an issuer that somebody else brings.
  public var skipWebhookIssuerCreation = false
  /// The profiles to apply, by name.
  public var profiles: [String] = []
  /// Whether agents of others may run beside ours.
  public var allowConcurrentAgents = false
  /// What the UI may do.
  public var uiMode = UIMode.default
  /// How many rows the UI shows at once; 0 leaves it to the UI.
  public var uiPaginationLimit = 0
  /// Where a central backend is, "" for none.
  public var centralBackendURL = ""
  /// The name of this cluster in telemetry, "" for none.
  public var clusterName = ""
  /// How the agent files come into containers.
  public var mountMethod = MountMethod.virtualDevice
  /// Whether the cluster has image volumes, where its version does not say so (1.33 and 1.34 can have them).
  public var imageVolumesEnabled: Bool?
  /// The socket of the container runtime where it is none of the usual ones, "" to look at those.
  public var customContainerRuntimeSocketPath = ""
  /// How the variables that load an agent reach the process.
  public var agentEnvVarsInjectionMethod = EnvironmentInjectionMethod.loaderWithFallback
  /// Which nodes the node agent and the node collector run on; empty for all.
  public var nodeSelector: [String: String] = [:]
  /// Whether nodes come and go through Karpenter, which cannot foresee our node label.
  public var karpenterEnabled = false
  /// Whether workloads are restarted.
  public var rollout = RolloutSettings()
  /// Whether a workload that crashes after instrumentation keeps it.
  public var rollbackDisabled = false
  /// How long after its start a crashing pod is left alone.
  public var rollbackGraceTime = ConfigurationDuration.seconds(300)
  /// How long after instrumentation a crash is held against it.
  public var rollbackStabilityWindow = ConfigurationDuration.seconds(3600)
  /// The size preset, where one was named.
  public var resourceSizePreset: ResourceSizePreset?
  /// What was set for the gateway.
  public var collectorGateway = GatewaySettings()
  /// What was set for the node collector.
  public var collectorNode = NodeCollectorSettings()
  /// The image that collectors run, "" for the system's own.
  public var collectorImage = ""
  /// Names of Secrets for pulling images.
  public var imagePullSecrets: [String] = []
  /// What the configuration had beside all this; written back unchanged.
  public var unknown = JSONObject()

  /// A configuration in which nothing is set.
  public init() {}

  /// Namespaces that lists leave out by default.
  public static let defaultIgnoredNamespaces = [
    "kube-system", "local-path-storage", "istio-system", "linkerd", "kube-node-lease",
  ]
  /// Containers that other systems inject and that are never instrumented.
  public static let defaultIgnoredContainers = [
    "istio-proxy", "vault-agent", "filebeat", "linkerd-proxy", "fluentd", "akeyless-init",
  ]
}

/// Whether and how fast workloads are restarted.
public struct RolloutSettings: Sendable, Hashable {
  /// Leaves restarts to the users (GitOps).
  public var automaticRolloutDisabled = false
  /// How many workloads restart at a time; 0 for no limit.
  public var maxConcurrentRollouts = 0
  /// Settings that are not understood; written back unchanged.
  public var unknown = JSONObject()
  /// A default one.
  public init() {}
}

/// What a configuration says about the resources of a collector; what is nil was not set.
public struct CollectorResourceSettings: Sendable, Hashable {
  /// Requested memory in MiB.
  public var requestMemoryMiB: Int?
  /// Memory limit in MiB.
  public var limitMemoryMiB: Int?
  /// Requested CPU in thousandths of a core.
  public var requestCPUm: Int?
  /// CPU limit in thousandths of a core.
  public var limitCPUm: Int?
  /// Hard limit of the memory limiter in MiB.
  public var memoryLimiterLimitMiB: Int?
  /// Distance of its soft limit from the hard one in MiB.
  public var memoryLimiterSpikeLimitMiB: Int?
  /// GOMEMLIMIT of a collector in Go, in MiB.
  public var goMemLimitMiB: Int?
  /// Nothing set.
  public init() {}
  /// Whether nothing is set.
  public var isEmpty: Bool { self == CollectorResourceSettings() }
}

/// What a configuration says about the gateway.
public struct GatewaySettings: Sendable, Hashable {
  /// Fewest replicas.
  public var minReplicas: Int?
  /// Most replicas.
  public var maxReplicas: Int?
  /// Its resources.
  public var sizing = CollectorResourceSettings()
  /// The service graph.
  public var serviceGraph = ServiceGraphSettings()
  /// Whether the gateway collects metrics of the cluster.
  public var clusterMetricsEnabled = false
  /// The proxy for requests to destinations, "" for none.
  public var httpsProxyAddress = ""
  /// Which nodes it runs on; empty for all.
  public var nodeSelector: [String: String] = [:]
  /// Settings that are not understood; written back unchanged.
  public var unknown = JSONObject()
  /// Nothing set.
  public init() {}
}

/// What a configuration says about the service graph.
public struct ServiceGraphSettings: Sendable, Hashable {
  /// Whether it is left out.
  public var disabled = false
  /// Settings that are not understood; written back unchanged.
  public var unknown = JSONObject()
  /// Nothing set.
  public init() {}
}

/// What a configuration says about the node collector.
public struct NodeCollectorSettings: Sendable, Hashable {
  /// The port of its own metrics.
  public var collectorOwnMetricsPort = 55682
  /// Its resources.
  public var sizing = CollectorResourceSettings()
  /// Whether it compresses what it sends to the gateway.
  public var enableDataCompression = false
  /// The directory of the node's logs, "" for the usual one.
  public var k8sNodeLogsDirectory = ""
  /// Settings that are not understood; written back unchanged.
  public var unknown = JSONObject()
  /// Nothing set.
  public init() {}
}
