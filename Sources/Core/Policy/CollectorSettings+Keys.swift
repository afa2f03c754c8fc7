import JSON

extension GatewaySettings: SettingsGroup {
  static var settings: [Setting<GatewaySettings>] {
    [
      .integer("minReplicas", \.minReplicas, 1...1000, "The fewest replicas."),
      .integer("maxReplicas", \.maxReplicas, 1...1000, "The most replicas."),
    ] + CollectorResourceSettings.settings(below: \.sizing) + [
      .group("serviceGraph", \.serviceGraph).withoutEffect,
      .bool("clusterMetricsEnabled", \.clusterMetricsEnabled, "Collects metrics of the cluster.").withoutEffect,
      .text("httpsProxyAddress", \.httpsProxyAddress, "The proxy for requests to destinations."),
      .map("nodeSelector", \.nodeSelector, "The labels of the nodes that the gateway runs on."),
      .text("deploymentName", \.deploymentName, "The name of the gateway's Deployment.").withoutEffect,
    ]
  }

  func check(_ reader: inout ConfigurationReader) {
    if let least = minReplicas, let most = maxReplicas, least > most {
      reader.error("maxReplicas", "must not be less than minReplicas (\(least)).")
    }
  }
}

extension NodeCollectorSettings: SettingsGroup {
  static var settings: [Setting<NodeCollectorSettings>] {
    [
      .integer(
        "collectorOwnMetricsPort", \.collectorOwnMetricsPort, 1...65535, "The port of the collector's own metrics.",
        always: true)
    ] + CollectorResourceSettings.settings(below: \.sizing) + [
      .bool("enableDataCompression", \.enableDataCompression, "Compresses what is sent to the gateway."),
      .text("k8sNodeLogsDirectory", \.k8sNodeLogsDirectory, "The directory of the node's logs.").withoutEffect,
      .group("otlpExporterConfiguration", \.otlpExporterConfiguration),
      .group("resourceDetectors", \.resourceDetectors).withoutEffect,
    ]
  }
}

extension ServiceGraphSettings: SettingsGroup {
  static var settings: [Setting<ServiceGraphSettings>] {
    [
      .bool("disabled", \.disabled, "Leaves the service graph out."),
      .list("extraDimensions", \.extraDimensions, "Attributes that edges carry beside the usual ones."),
      .list(
        "virtualNodePeerAttributes", \.virtualNodePeerAttributes,
        "Attributes that name peers which send no telemetry themselves."),
    ]
  }
}

extension OTLPExporterSettings: SettingsGroup {
  /// The settings as a CollectorsGroup has them, too: what was set.
  public var json: JSONValue { settingsJSON }

  static var settings: [Setting<OTLPExporterSettings>] {
    [
      .bool("enableDataCompression", \.enableDataCompression, "Compresses what is sent to the gateway."),
      .duration("timeout", \.timeout, "How long to wait for the gateway's answer."),
      .group("retryOnFailure", \.retryOnFailure),
    ]
  }
}

extension RetrySettings: SettingsGroup {
  static var settings: [Setting<RetrySettings>] {
    [
      .bool("enabled", \.enabled, "Sends again what failed.", always: true),
      .duration("initialInterval", \.initialInterval, "The first pause."),
      .duration("maxInterval", \.maxInterval, "The longest pause."),
      .duration("maxElapsedTime", \.maxElapsedTime, "When to give up."),
    ]
  }
}

extension ResourceDetectorSettings: SettingsGroup {
  static var settings: [Setting<ResourceDetectorSettings>] {
    [
      .group("ec2", \.ec2), .group("eks", \.eks), .group("azure", \.azure), .group("aks", \.aks),
      .group("gcp", \.gcp),
    ]
  }
}

extension ResourceDetector: SettingsGroup {
  static var settings: [Setting<ResourceDetector>] {
    [.bool("enabled", \.enabled, "Asks this cloud for what it knows of the node.", always: true)]
  }
}

extension CollectorResourceSettings {
  /// The settings of a group that has them among its own.
  static func settings<Group: SettingsGroup>(
    below path: WritableKeyPath<Group, CollectorResourceSettings>
  ) -> [Setting<Group>] {
    func setting(
      _ key: String, _ field: WritableKeyPath<CollectorResourceSettings, Int?>, _ summary: String
    ) -> Setting<Group> {
      .integer(key, path.appending(path: field), 1...10_000_000, summary)
    }
    return [
      setting("requestMemoryMiB", \.requestMemoryMiB, "Requested memory in MiB."),
      setting("limitMemoryMiB", \.limitMemoryMiB, "Memory limit in MiB."),
      setting("requestCPUm", \.requestCPUm, "Requested CPU in thousandths of a core."),
      setting("limitCPUm", \.limitCPUm, "CPU limit in thousandths of a core."),
      setting("memoryLimiterLimitMiB", \.memoryLimiterLimitMiB, "Hard limit of the memory limiter in MiB."),
      setting(
        "memoryLimiterSpikeLimitMiB", \.memoryLimiterSpikeLimitMiB, "Distance of its soft limit from the hard one."),
      setting("goMemLimitMiB", \.goMemLimitMiB, "GOMEMLIMIT of a collector in Go, in MiB."),
    ]
  }
}
