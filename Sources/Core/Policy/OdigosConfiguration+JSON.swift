import JSON

extension OdigosConfiguration {
  /// Reads a configuration. Wrong values are reported and keep their default; unknown keys are reported and kept.
  public static func parse(_ json: JSONValue) -> (configuration: OdigosConfiguration, problems: [ConfigurationProblem])
  {
    var configuration = OdigosConfiguration()
    if json.isNull { return (configuration, []) }
    guard let object = json.object else {
      return (configuration, [ConfigurationProblem(.error, key: "", "expected an object of settings.")])
    }
    var reader = ConfigurationReader(object)
    configuration.read(&reader)
    configuration.unknown = reader.unread(known: keysOfNewerGenerations)
    return (configuration, reader.problems)
  }

  private mutating func read(_ reader: inout ConfigurationReader) {
    set(&configVersion, reader.integer("configVersion", 0...Int(Int32.max)))
    set(&telemetryEnabled, reader.bool("telemetryEnabled"))
    set(&openshiftEnabled, reader.bool("openshiftEnabled"))
    set(&ignoreOdigosNamespace, reader.bool("ignoreOdigosNamespace"))
    set(&psp, reader.bool("psp"))
    set(&imagePrefix, reader.string("imagePrefix"))
    set(&skipWebhookIssuerCreation, reader.bool("skipWebhookIssuerCreation"))
    set(&profiles, reader.strings("profiles"))
    set(&allowConcurrentAgents, reader.bool("allowConcurrentAgents"))
    if let mode = reader.value("uiMode"), mode.string == "normal" {
      uiMode = .default  // The older word for the same.
    } else {
      set(&uiMode, reader.choice("uiMode", UIMode.self))
    }
    set(&uiPaginationLimit, reader.integer("uiPaginationLimit", 0...100_000))
    set(&centralBackendURL, reader.string("centralBackendURL"))
    set(&clusterName, reader.string("clusterName"))
    set(&mountMethod, reader.choice("mountMethod", MountMethod.self))
    imageVolumesEnabled = reader.bool("imageVolumesEnabled")
    set(&customContainerRuntimeSocketPath, reader.string("customContainerRuntimeSocketPath"))
    set(
      &agentEnvVarsInjectionMethod, reader.choice("agentEnvVarsInjectionMethod", EnvironmentInjectionMethod.self))
    set(&nodeSelector, reader.map("nodeSelector"))
    set(&karpenterEnabled, reader.bool("karpenterEnabled"))
    set(&rollbackDisabled, reader.bool("rollbackDisabled"))
    set(&rollbackGraceTime, reader.duration("rollbackGraceTime"))
    set(&rollbackStabilityWindow, reader.duration("rollbackStabilityWindow"))
    resourceSizePreset = reader.choice("resourceSizePreset", ResourceSizePreset.self)
    set(&collectorImage, reader.string("collectorImage"))
    set(&imagePullSecrets, reader.strings("imagePullSecrets"))
    set(&rollout, reader.object("rollout") { RolloutSettings(reader: &$0) })
    set(&collectorGateway, reader.object("collectorGateway") { GatewaySettings(reader: &$0) })
    set(&collectorNode, reader.object("collectorNode") { NodeCollectorSettings(reader: &$0) })
    // Lists of what to leave out add to the defaults: forgetting a service mesh's proxy is never meant.
    ignoredNamespaces.appendMissing(reader.strings("ignoredNamespaces") ?? [])
    ignoredContainers.appendMissing(reader.strings("ignoredContainers") ?? [])
  }

  /// The configuration with every value, as it is kept in the cluster.
  public var json: JSONValue {
    var writer = ConfigurationWriter(unknown)
    writer["configVersion"] = .int(configVersion)
    writer["telemetryEnabled"] = .bool(telemetryEnabled)
    writer["openshiftEnabled"] = .bool(openshiftEnabled)
    writer["ignoredNamespaces"] = .strings(ignoredNamespaces)
    writer["ignoredContainers"] = .strings(ignoredContainers)
    writer["ignoreOdigosNamespace"] = .bool(ignoreOdigosNamespace)
    writer["psp"] = .bool(psp)
    writer.text("imagePrefix", imagePrefix)
    writer["skipWebhookIssuerCreation"] = .bool(skipWebhookIssuerCreation)
    writer["profiles"] = .strings(profiles)
    writer["allowConcurrentAgents"] = .bool(allowConcurrentAgents)
    writer["uiMode"] = .string(uiMode.rawValue)
    if uiPaginationLimit > 0 { writer["uiPaginationLimit"] = .int(uiPaginationLimit) }
    writer.text("centralBackendURL", centralBackendURL)
    writer.text("clusterName", clusterName)
    writer["mountMethod"] = .string(mountMethod.rawValue)
    writer["imageVolumesEnabled"] = imageVolumesEnabled.map { .bool($0) }
    writer.text("customContainerRuntimeSocketPath", customContainerRuntimeSocketPath)
    writer["agentEnvVarsInjectionMethod"] = .string(agentEnvVarsInjectionMethod.rawValue)
    writer.map("nodeSelector", nodeSelector)
    writer["karpenterEnabled"] = .bool(karpenterEnabled)
    writer["rollout"] = rollout.json
    writer["rollbackDisabled"] = .bool(rollbackDisabled)
    writer["rollbackGraceTime"] = .string(rollbackGraceTime.description)
    writer["rollbackStabilityWindow"] = .string(rollbackStabilityWindow.description)
    writer["resourceSizePreset"] = resourceSizePreset.map { .string($0.rawValue) }
    writer["collectorGateway"] = collectorGateway.json
    writer["collectorNode"] = collectorNode.json
    writer.text("collectorImage", collectorImage)
    if !imagePullSecrets.isEmpty { writer["imagePullSecrets"] = .strings(imagePullSecrets) }
    return .object(writer.object)
  }

  /// Keys that newer generations have and that a valid configuration may carry, though nothing reads them yet.
  static let keysOfNewerGenerations: Set<String> = [
    "uiRemoteUrl", "mcpAccessMode", "mcpEnabled", "oidc", "odigletHealthProbeBindPort", "goAutoOffsetsCron",
    "goAutoOffsetsMode", "clickhouseJsonTypeEnabled", "checkDeviceHealthBeforeInjection", "waspEnabled",
    "traceIdSuffix", "allowedTestConnectionHosts", "userInstrumentationEnvs", "agentsInitContainerResources",
    "odigosOwnTelemetryStore", "componentLogLevels", "metricsSources", "traceCorrelations", "sampling", "profiling",
  ]
}

/// Replaces a default by what was read, if anything was.
private func set<Value>(_ target: inout Value, _ value: Value?) {
  if let value { target = value }
}

extension [String] {
  /// Appends those that are not there yet.
  mutating func appendMissing(_ others: [String]) {
    for other in others where !contains(other) { append(other) }
  }
}

extension JSONValue {
  static func strings(_ texts: [String]) -> JSONValue { .array(texts.map { .string($0) }) }
}

/// Writes settings, leaving out those that are not set.
struct ConfigurationWriter {
  var object: JSONObject
  /// Begins with the settings that were not understood.
  init(_ unknown: JSONObject) { object = unknown }
  subscript(key: String) -> JSONValue? {
    get { object[key] }
    set { object[key] = newValue }
  }
  mutating func text(_ key: String, _ text: String) {
    if !text.isEmpty { object[key] = .string(text) }
  }
  mutating func map(_ key: String, _ map: [String: String]) {
    if map.isEmpty { return }
    var members = JSONObject()
    for (name, value) in map.sorted(by: { $0.key < $1.key }) { members[name] = .string(value) }
    object[key] = .object(members)
  }
}

extension RolloutSettings {
  init(reader: inout ConfigurationReader) {
    set(&automaticRolloutDisabled, reader.bool("automaticRolloutDisabled"))
    set(&maxConcurrentRollouts, reader.integer("maxConcurrentRollouts", 0...100_000))
    unknown = reader.unread(known: [])
  }
  var json: JSONValue {
    var writer = ConfigurationWriter(unknown)
    writer["automaticRolloutDisabled"] = .bool(automaticRolloutDisabled)
    writer["maxConcurrentRollouts"] = .int(maxConcurrentRollouts)
    return .object(writer.object)
  }
}

extension CollectorResourceSettings {
  init(reader: inout ConfigurationReader) {
    for (key, field) in Self.fields { self[keyPath: field] = reader.integer(key, 1...10_000_000) }
  }
  func write(to writer: inout ConfigurationWriter) {
    for (key, field) in Self.fields { writer[key] = self[keyPath: field].map { .int($0) } }
  }
  private static var fields: [(String, WritableKeyPath<CollectorResourceSettings, Int?>)] {
    [
      ("requestMemoryMiB", \.requestMemoryMiB), ("limitMemoryMiB", \.limitMemoryMiB), ("requestCPUm", \.requestCPUm),
      ("limitCPUm", \.limitCPUm), ("memoryLimiterLimitMiB", \.memoryLimiterLimitMiB),
      ("memoryLimiterSpikeLimitMiB", \.memoryLimiterSpikeLimitMiB), ("goMemLimitMiB", \.goMemLimitMiB),
    ]
  }
}

extension GatewaySettings {
  init(reader: inout ConfigurationReader) {
    minReplicas = reader.integer("minReplicas", 1...1000)
    maxReplicas = reader.integer("maxReplicas", 1...1000)
    if let least = minReplicas, let most = maxReplicas, least > most {
      reader.error("maxReplicas", "must not be less than minReplicas (\(least)).")
    }
    sizing = CollectorResourceSettings(reader: &reader)
    serviceGraph = reader.object("serviceGraph") { ServiceGraphSettings(reader: &$0) } ?? serviceGraph
    set(&clusterMetricsEnabled, reader.bool("clusterMetricsEnabled"))
    set(&httpsProxyAddress, reader.string("httpsProxyAddress"))
    set(&nodeSelector, reader.map("nodeSelector"))
    unknown = reader.unread(known: ["deploymentName"])
  }
  var json: JSONValue {
    var writer = ConfigurationWriter(unknown)
    writer["minReplicas"] = minReplicas.map { .int($0) }
    writer["maxReplicas"] = maxReplicas.map { .int($0) }
    sizing.write(to: &writer)
    if serviceGraph != ServiceGraphSettings() { writer["serviceGraph"] = serviceGraph.json }
    if clusterMetricsEnabled { writer["clusterMetricsEnabled"] = true }
    writer.text("httpsProxyAddress", httpsProxyAddress)
    writer.map("nodeSelector", nodeSelector)
    return .object(writer.object)
  }
}

extension NodeCollectorSettings {
  init(reader: inout ConfigurationReader) {
    set(&collectorOwnMetricsPort, reader.integer("collectorOwnMetricsPort", 1...65535))
    sizing = CollectorResourceSettings(reader: &reader)
    set(&enableDataCompression, reader.bool("enableDataCompression"))
    set(&k8sNodeLogsDirectory, reader.string("k8sNodeLogsDirectory"))
    unknown = reader.unread(known: ["otlpExporterConfiguration", "resourceDetectors"])
  }
  var json: JSONValue {
    var writer = ConfigurationWriter(unknown)
    writer["collectorOwnMetricsPort"] = .int(collectorOwnMetricsPort)
    sizing.write(to: &writer)
    if enableDataCompression { writer["enableDataCompression"] = true }
    writer.text("k8sNodeLogsDirectory", k8sNodeLogsDirectory)
    return .object(writer.object)
  }
}

extension ServiceGraphSettings {
  init(reader: inout ConfigurationReader) {
    set(&disabled, reader.bool("disabled"))
    unknown = reader.unread(known: ["extraDimensions", "virtualNodePeerAttributes"])
  }
  var json: JSONValue {
    var writer = ConfigurationWriter(unknown)
    writer["disabled"] = .bool(disabled)
    return .object(writer.object)
  }
}
