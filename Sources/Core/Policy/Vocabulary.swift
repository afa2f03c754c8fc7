// The words of compatibility that Policy and everybody who acts on its verdicts use.

/// Labels of the system.
public enum OdigosLabel {
  /// On a namespace or workload: `enabled` or `disabled`, the classic way to opt in or out.
  public static let instrumentation = "odigos-instrumentation"
  /// The value of `instrumentation` that opts in.
  public static let instrumentationEnabled = "enabled"
  /// The value of `instrumentation` that opts out.
  public static let instrumentationDisabled = "disabled"
  /// On every pod that the webhook injected: the hash of what was injected.
  public static let agentsMetaHash = "odigos.io/agents-meta-hash"
  /// On everything that the system installs or makes: `true`.
  public static let systemObject = "odigos.io/system-object"
  /// On collectors and their objects: `CLUSTER_GATEWAY` or `NODE_COLLECTOR`.
  public static let collectorRole = "odigos.io/collector-role"
  /// On a Source: the name of its workload.
  public static let workloadName = "odigos.io/workload-name"
  /// On a Source: the namespace of its workload.
  public static let workloadNamespace = "odigos.io/workload-namespace"
  /// On a Source: the kind of its workload.
  public static let workloadKind = "odigos.io/workload-kind"
  /// What a label of a data stream begins with; the stream's name follows, the value is `true` or `false`.
  public static let dataStreamPrefix = "odigos.io/data-stream-"
  /// On objects that a profile brought: the hash of all profiles that were applied with it.
  public static let profilesHash = "odigos.io/profiles-hash"
  /// Who made an object: `profile` for those that a profile brought.
  public static let managedBy = "odigos.io/managed-by"
  /// On a node: the agent files and the device of the community edition are there.
  public static let odigletInstalled = "odigos.io/odiglet-oss-installed"
  /// On an InstrumentationInstance: the name of the InstrumentationConfig.
  public static let instrumentedApp = "instrumented-app"
}

/// Finalizers of the system.
public enum OdigosFinalizer {
  /// What those that older generations put on Sources begin with. We add none.
  public static let sourcePrefix = "odigos.io/source-"
}

/// Annotations of the system.
public enum OdigosAnnotation {
  /// On a pod: `true` asks the webhook to answer its creator with the reason of what it did.
  public static let explain = "odigos.io/explain"
  /// On objects that a profile brought: the profile's name.
  public static let profile = "odigos.io/profile"
  /// On a Source: changing it lets a workload that was rolled back try again.
  public static let rollbackRecovery = "odigos.io/rollback-recovery"
  /// On an InstrumentationConfig: the value of `rollbackRecovery` that was acted on last.
  public static let rollbackRecoveryProcessed = "odigos.io/rollback-recovery-processed"
  /// On an InstrumentationConfig: since when all its agents reach pods that run already, so that those which were made
  /// since have nothing in them that a restart would have to take out.
  public static let restartOptionalSince = "odigos.io/restart-optional-since"
  /// On a node: which agent files it has (`AgentInventoryReport`).
  public static let nodeAgents = "odigos.io/agents"
  /// On a pod template: changing it restarts the workload, as `kubectl rollout restart` does.
  public static let restartedAt = "kubectl.kubernetes.io/restartedAt"
}

/// Environment variables that the system adds to instrumented containers.
public enum OdigosEnvironment {
  /// The container's name. It opens the block of variables that we append.
  public static let containerName = "ODIGOS_CONTAINER_NAME"
  /// The distribution's name.
  public static let distributionName = "ODIGOS_DISTRO_NAME"
  /// The pod's name, by field reference.
  public static let podName = "ODIGOS_POD_NAME"
  /// The workload's namespace.
  public static let workloadNamespace = "ODIGOS_WORKLOAD_NAMESPACE"
  /// The address of the node, by field reference.
  public static let nodeIP = "NODE_IP"
  /// The address of the node where the container already has a `NODE_IP` of another meaning.
  public static let ownNodeIP = "ODIGOS_NODE_IP"
  /// Of the webhook itself: the image that has the agent files.
  public static let agentsImage = "ODIGOS_INIT_CONTAINER_IMAGE"
  /// Where the agent sends telemetry.
  public static let otlpEndpoint = "OTEL_EXPORTER_OTLP_ENDPOINT"
  /// The service's name.
  public static let serviceName = "OTEL_SERVICE_NAME"
  /// The resource attributes of the agent.
  public static let resourceAttributes = "OTEL_RESOURCE_ATTRIBUTES"
  /// Our resource attributes where the user has set `OTEL_RESOURCE_ATTRIBUTES`.
  public static let ownResourceAttributes = "ODIGOS_RESOURCE_ATTRIBUTES"
  /// Whether the agent exports traces: `otlp` or `none`.
  public static let tracesExporter = "OTEL_TRACES_EXPORTER"
  /// Whether the agent exports metrics: `otlp` or `none`.
  public static let metricsExporter = "OTEL_METRICS_EXPORTER"
  /// Whether the agent exports logs: `otlp` or `none`.
  public static let logsExporter = "OTEL_LOGS_EXPORTER"
  /// Loads the loader into a process.
  public static let preload = "LD_PRELOAD"
  /// Where the agent finds the OpAMP server of its node.
  public static let opAMPServerHost = "ODIGOS_OPAMP_SERVER_HOST"
  /// The Unix socket of the OpAMP server.
  public static let opAMPUnixSocket = "ODIGOS_OPAMP_UNIX_SOCKET"
  /// How much the agent's own parts log.
  public static let agentLogLevel = "ODIGOS_LOG_LEVEL"
  /// How much OpenTelemetry's parts log.
  public static let openTelemetryLogLevel = "OTEL_LOG_LEVEL"
  /// Where the agent sends the metrics that it makes of spans.
  public static let metricsEndpoint = "ODIGOS_EXPORTER_OTLP_METRICS_ENDPOINT"
  /// How the agent makes metrics of spans (JSON).
  public static let spanMetrics = "ODIGOS_AGENT_SPAN_METRICS_CONFIG"
  /// How the agent makes templates of URLs (JSON).
  public static let urlTemplatization = "ODIGOS_AGENT_URL_TEMPLATIZATION"
  /// What the agent samples at the first span (JSON).
  public static let headSampling = "ODIGOS_AGENT_HEAD_SAMPLING"
  /// How the agent renames spans (JSON).
  public static let spanRenamer = "ODIGOS_AGENT_SPAN_RENAMER"
  /// Further functions for the PHP agent to instrument (JSON).
  public static let phpCustomInstrumentations = "ODIGOS_PHP_AGENT_CUSTOM_INSTRUMENTATIONS"
  /// The names of the variables that the configuration's `userInstrumentationEnvs` added, with commas between.
  public static let userVariables = "ODIGOS_USER_INSTRUMENTATION_ENVS"
  /// Precedes the name of a variable that had to make room for ours.
  public static let originalPrefix = "ORIGINAL_"
}

/// Annotations on workloads that we restarted; they go when the template is put back.
public enum InstrumentorAnnotation {
  /// The `restartedAt` that we wrote into the pod template last.
  public static let restart = "odigos.io/restarted-at"
  /// The `restartedAt` that the pod template had before, "" for none.
  public static let before = "odigos.io/restarted-at-before"
  /// The hash that our last restart was for; "" for one that removed the agents.
  public static let restartedFor = "odigos.io/restarted-for"
  /// The hash that our last repair was for; it goes once all pods are as they should be.
  public static let repairedFor = "odigos.io/repaired-for"
  /// All pods were ready when we restarted it, with containers of that digest.
  public static let readyBefore = "odigos.io/ready-before"
  /// The hash for which one pod was made anew to try the agents.
  public static let canaryFor = "odigos.io/canary-for"
  /// When it was.
  public static let canaryAt = "odigos.io/canary-at"
  /// When the agents were removed, as long as that goes on where the number of restarts is limited.
  public static let removedAt = "odigos.io/removed-at"

  /// All that we note on workloads.
  public static let notes = [restart, before, restartedFor, repairedFor, readyBefore, canaryFor, canaryAt, removedAt]
}

/// Names of objects in the cluster.
public enum OdigosName {
  /// The namespace where the system is installed when nothing else is said.
  public static let defaultNamespace = "odigos-system"
  /// The user's configuration.
  public static let configuration = "odigos-config"
  /// The user's configuration under the name of newer generations.
  public static let newerConfiguration = "odigos-configuration"
  /// The configuration after validation and profiles.
  public static let effectiveConfiguration = "effective-config"
  /// The key of the configuration in its ConfigMap.
  public static let configurationKey = "config.yaml"
  /// The gateway: Deployment, Service, ConfigMap and CollectorsGroup.
  public static let gateway = "odigos-gateway"
  /// The node collector: DaemonSet, ConfigMap and CollectorsGroup.
  public static let dataCollection = "odigos-data-collection"
  /// The Service that leads to the collector on the same node.
  public static let dataCollectionLocalTraffic = "odigos-data-collection-local-traffic"
  /// The node agent's DaemonSet.
  public static let odiglet = "odiglet"
  /// The webhook's Deployment.
  public static let instrumentor = "odigos-instrumentor"
  /// The Service that leads to the node agent on the same node.
  public static let odigletLocal = "odiglet-local"
  /// The volume that brings the agent files, with every method but the device.
  public static let agentVolume = "odigos-agent"
  /// The init container that copies the agent files.
  public static let agentsInitContainer = "odigos-agents"
}

/// Extended resources that the device plugin serves.
public enum OdigosResource {
  /// The device that mounts the agent files.
  public static let genericDevice = "instrumentation.odigos.io/generic"
  /// What the name of every resource of ours begins with.
  public static let devicePrefix = "instrumentation.odigos.io/"
  /// What follows the prefix in the resources of older generations, one for each language. Pods and manifests of those
  /// times still ask for them.
  public static let olderDevices = [
    "dotnet-native-community", "go-ebpf-community", "java-native-community", "javascript-native-community",
    "musl-dotnet-native-community", "python-native-community",
  ]
}

/// Taints of nodes.
public enum OdigosTaint {
  /// Keeps pods away from a new node until the agent files and the device are there (Karpenter's `startupTaints`).
  public static let needsInit = "odigos.io/needs-init"
}

/// Directories of the host and of instrumented containers.
public enum OdigosPath {
  /// Where the agent files are, on the host and in containers.
  public static let agents = "/var/odigos"
  /// Marks a value as already ours.
  public static let agentsPrefix = "/var/odigos/"
  /// Where the image has the agent files, without the slash at the beginning.
  public static let agentsInImage = "instrumentations"
  /// What the image has of agent files, written among them.
  public static let agentInventory = "inventory.json"
  /// The directory of the loader among the agent files.
  public static let loaderDirectory = "loader"
  /// The loader.
  public static let loader = "/var/odigos/loader/loader.so"
  /// The directory of the OpAMP server's socket among the agent files.
  public static let exchangeDirectory = "exchange"
  /// The OpAMP server's socket.
  public static let opAMPSocket = "/var/odigos/exchange/exchange.sock"
}

/// Network ports.
public enum OdigosPort {
  /// OTLP over gRPC.
  public static let otlpGRPC = 4317
  /// OTLP over HTTP.
  public static let otlpHTTP = 4318
  /// OpAMP at the node agent.
  public static let opAMP = 4320
}

/// Labels of Kubernetes itself.
enum KubernetesLabel {
  /// On a namespace: the pod security level that is enforced there.
  static let podSecurity = "pod-security.kubernetes.io/enforce"
}
