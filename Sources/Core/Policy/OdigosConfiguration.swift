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
  /// How long the API server waits for the webhook's answer about a pod before it goes on without, in seconds.
  public var podsWebhookTimeoutSeconds = OdigosConfiguration.defaultPodsWebhookTimeoutSeconds
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
  /// Where the UI is reached from outside, "" for nowhere.
  public var uiRemoteUrl = ""
  /// What language models may do through the UI.
  public var mcpAccessMode = MCPAccessMode.readOnly
  /// Whether language models may use the UI.
  public var mcpEnabled = false
  /// How people sign in to the UI.
  public var oidc = OIDCSettings()
  /// The port of the node agent's probes.
  public var odigletHealthProbeBindPort = 55683
  /// The port of every node at which agents find the node agent (OpAMP) where no Service keeps traffic on its node; 0
  /// for none.
  public var odigletOpampPort = OdigosPort.opAMP
  /// When Go offsets are looked up anew (cron), "" for never.
  public var goAutoOffsetsCron = ""
  /// How Go offsets are looked up anew.
  public var goAutoOffsetsMode = GoOffsetsMode.off
  /// Whether ClickHouse destinations store attributes as JSON.
  public var clickhouseJsonTypeEnabled = false
  /// Whether pods are left alone while a device plugin does not run.
  public var checkDeviceHealthBeforeInjection = false
  /// Whether the exporter for WASP is used.
  public var waspEnabled = false
  /// A byte, as two hexadecimal digits, that ends the trace ids that are made here; "" for random ids.
  public var traceIdSuffix = ""
  /// Hosts that the test of a destination may connect to; empty for any.
  public var allowedTestConnectionHosts: [String] = []
  /// Variables for containers by their language.
  public var userInstrumentationEnvs = UserInstrumentationEnvironments()
  /// The resources of the init container that brings agent files.
  public var agentsInitContainerResources = AgentsInitContainerSettings()
  /// What the system does with its own telemetry.
  public var odigosOwnTelemetryStore = OwnTelemetrySettings()
  /// How much components log.
  public var componentLogLevels = ComponentLogLevels()
  /// Where metrics come from.
  public var metricsSources = MetricsSourcesSettings()
  /// What is correlated from traces.
  public var traceCorrelations = TraceCorrelationSettings()
  /// How traces are sampled.
  public var sampling = SamplingSettings()
  /// How profiles are collected.
  public var profiling = ProfilingSettings()
  /// What the configuration had beside all this; written back unchanged.
  public var unknown = JSONObject()

  /// A configuration in which nothing is set.
  public init() {}

  /// A pod's creation is held up no longer than that by default, whatever becomes of the webhook.
  public static let defaultPodsWebhookTimeoutSeconds = 5
  /// Namespaces that lists leave out by default.
  public static let defaultIgnoredNamespaces = [
    "kube-system", "local-path-storage", "istio-system", "linkerd", "kube-node-lease",
  ]
  /// Containers that other systems inject and that are never instrumented.
  public static let defaultIgnoredContainers = [
    "istio-proxy", "vault-agent", "filebeat", "linkerd-proxy", "fluentd", "akeyless-init",
  ]
}

extension OdigosConfiguration {
  /// The byte that ends trace ids, as a number; nil for random ids.
  public var traceIdSource: Int? { traceIdSuffix.isEmpty ? nil : Int(traceIdSuffix, radix: 16) }
}

/// Whether and how fast workloads are restarted.
public struct RolloutSettings: Sendable, Hashable {
  /// Leaves restarts to the users (GitOps).
  public var automaticRolloutDisabled = false
  /// How many workloads restart at a time; 0 for no limit.
  public var maxConcurrentRollouts = 0
  /// Whether and how new agents are tried out before everything gets them.
  public var canary = CanarySettings()
  /// Whether workloads whose pods missed the webhook are restarted once more.
  public var repairMissedPods = true
  /// How many workloads are repaired in a minute.
  public var maxRepairsPerMinute = 10
  /// Settings that are not understood; written back unchanged.
  public var unknown = JSONObject()
  /// A default one.
  public init() {}
}
