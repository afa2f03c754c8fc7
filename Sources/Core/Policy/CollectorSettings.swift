import JSON

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
  /// The name of its Deployment, "" for the usual one.
  public var deploymentName = ""
  /// Settings that are not understood; written back unchanged.
  public var unknown = JSONObject()
  /// Nothing set.
  public init() {}
}

/// What a configuration says about the service graph.
public struct ServiceGraphSettings: Sendable, Hashable {
  /// Whether it is left out.
  public var disabled = false
  /// Attributes that the edges of the graph carry beside the usual ones.
  public var extraDimensions: [String] = []
  /// Attributes that name peers that send no telemetry themselves.
  public var virtualNodePeerAttributes: [String] = []
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
  /// How it sends to the gateway.
  public var otlpExporterConfiguration = OTLPExporterSettings()
  /// Which clouds it asks for what they know of the node.
  public var resourceDetectors = ResourceDetectorSettings()
  /// Settings that are not understood; written back unchanged.
  public var unknown = JSONObject()
  /// Nothing set.
  public init() {}
}

/// How the node collector sends to the gateway.
public struct OTLPExporterSettings: Sendable, Hashable {
  /// Whether it compresses.
  public var enableDataCompression = false
  /// How long it waits for an answer.
  public var timeout = ConfigurationDuration.seconds(5)
  /// Whether and how it tries again.
  public var retryOnFailure = RetrySettings()
  /// Settings that are not understood; written back unchanged.
  public var unknown = JSONObject()
  /// Nothing set.
  public init() {}
}

/// Whether and how something is sent again.
public struct RetrySettings: Sendable, Hashable {
  /// Whether it is.
  public var enabled = true
  /// The first pause.
  public var initialInterval = ConfigurationDuration.seconds(5)
  /// The longest pause.
  public var maxInterval = ConfigurationDuration.seconds(30)
  /// When to give up.
  public var maxElapsedTime = ConfigurationDuration.seconds(300)
  /// Settings that are not understood; written back unchanged.
  public var unknown = JSONObject()
  /// Nothing set.
  public init() {}
}

/// Which clouds are asked for what they know of a node.
public struct ResourceDetectorSettings: Sendable, Hashable {
  /// Amazon EC2.
  public var ec2 = ResourceDetector(enabled: true)
  /// Amazon EKS.
  public var eks = ResourceDetector(enabled: false)
  /// Microsoft Azure.
  public var azure = ResourceDetector(enabled: true)
  /// Azure Kubernetes Service.
  public var aks = ResourceDetector(enabled: true)
  /// Google Cloud.
  public var gcp = ResourceDetector(enabled: true)
  /// Settings that are not understood; written back unchanged.
  public var unknown = JSONObject()
  /// Nothing set.
  public init() {}
}

/// Whether one cloud is asked.
public struct ResourceDetector: Sendable, Hashable {
  /// Whether it is.
  public var enabled = false
  /// Settings that are not understood; written back unchanged.
  public var unknown = JSONObject()
  /// One that is off.
  public init() {}
  /// One that is on or off.
  public init(enabled: Bool) { self.enabled = enabled }
}
