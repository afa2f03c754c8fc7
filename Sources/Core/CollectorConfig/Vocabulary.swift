// The words of CollectorConfig that others rely on.

/// Names of objects that exist once in an installation.
public enum ObjectName {
  /// CollectorsGroup, Deployment, Service and ConfigMap of the gateway.
  public static let gateway = "odigos-gateway"
  /// CollectorsGroup, DaemonSet and ConfigMap of the node collectors.
  public static let nodeCollector = "odigos-data-collection"
  /// Service through which pods reach the collector of their own node (Kubernetes 1.26 and later).
  public static let nodeCollectorService = "odigos-data-collection-local-traffic"
  /// ConfigMap with the validated configuration.
  public static let effectiveConfiguration = "effective-config"
  /// ConfigMap with the user's configuration.
  public static let userConfiguration = "odigos-config"
  /// The later name of the same ConfigMap.
  public static let laterUserConfiguration = "odigos-configuration"
}

/// Keys of ConfigMaps.
public enum ConfigMapKey {
  /// In the configurations of the user and of the scheduler.
  public static let configuration = "config.yaml"
  /// In the gateway's ConfigMap.
  public static let gateway = "collector-conf"
  /// In the node collectors' ConfigMap.
  public static let nodeCollector = "conf"
}

/// Labels and annotations.
public enum LabelName {
  /// On everything that belongs to the installation.
  public static let systemObject = "odigos.io/system-object"
  /// Which collector a pod is, also the selector of workload and Service.
  public static let collectorRole = "odigos.io/collector-role"
  /// The well-known label for the name of an application.
  public static let name = "app.kubernetes.io/name"
  /// Annotation of a pod template: what was read at the start, so that a change of it restarts the pods.
  public static let configHash = "odigos.io/config-hash"
  /// Annotation of an object: the hash of what was applied last.
  public static let appliedHash = "odigos.io/applied-hash"
}

/// `spec.role` of a CollectorsGroup and in `spec.collectorRoles` of a Processor.
public enum CollectorRole: String, Sendable, CaseIterable {
  case gateway = "CLUSTER_GATEWAY"
  case node = "NODE_COLLECTOR"
}

/// TCP ports.
public enum CollectorPort {
  /// OTLP over gRPC.
  public static let otlpGRPC = 4317
  /// OTLP over HTTP.
  public static let otlpHTTP = 4318
  /// The extension health_check.
  public static let health = 13133
  /// The gateway's own metrics.
  public static let gatewayMetrics = 8888
  /// The node collectors' own metrics.
  public static let nodeMetrics = 55682
}

/// Environment variables of the collectors.
public enum CollectorEnvironment {
  /// The version of the installation.
  public static let version = "ODIGOS_VERSION"
  /// The name of the node.
  public static let nodeName = "NODE_NAME"
  /// The address of the node.
  public static let nodeIP = "NODE_IP"
  /// The name of the pod.
  public static let podName = "POD_NAME"
  /// The soft memory limit of collectors that are Go programs.
  public static let goMemoryLimit = "GOMEMLIMIT"
  /// The threads of collectors that are Go programs.
  public static let goMaxProcs = "GOMAXPROCS"
  /// The proxy for connections to destinations.
  public static let httpsProxy = "HTTPS_PROXY"
  /// What is reached without it.
  public static let noProxy = "NO_PROXY"
  /// Begins the variables of one destination's Secret.
  public static let destinationPrefix = "ODIGOS_DEST_"
}

/// Condition types.
public enum ConditionType {
  /// Of a Destination.
  public static let destinationConfigured = "DestinationConfigured"
  /// Of a Processor.
  public static let addedToCollectorConfig = "AddedToCollectorConfig"
  /// Of a CollectorsGroup.
  public static let deployed = "Deployed"
}

/// Reasons of conditions.
public enum ConditionReason {
  /// The destination is in the gateway's configuration.
  public static let transformedToConfig = "TransformedToOtelcolConfig"
  /// The destination cannot be configured.
  public static let errConfigDestination = "ErrConfigDestination"
  /// The destination is switched off.
  public static let disabled = "Disabled"
  /// The processor is in the configuration.
  public static let configUpdated = "ConfigUpdated"
  /// The processor is switched off.
  public static let configRemovedDisabled = "ConfigRemovedDisabled"
  /// The processor cannot be configured.
  public static let errConfigProcessor = "ErrConfigProcessor"
  /// The collector's objects are in the cluster.
  public static let created = "GatewayDeployedCreatedSuccessfully"
  /// They could not be made.
  public static let creationFailed = "GatewayDeployedCreationFailed"
  /// The effective configuration cannot be read, and there was none before that could: the collectors stay as they are.
  public static let waitingForConfiguration = "WaitingForConfiguration"
}
