import JSON
import OdigosObjects

/// How the node collectors send to the gateway (`spec.otlpExporterConfiguration` of their CollectorsGroup).
public struct GatewayExporterSettings: Sendable, Equatable {
  /// Whether what is sent is compressed.
  public var compress = false
  /// How long one request may take, such as "5s".
  public var timeout: String?
  /// The settings `retry_on_failure`: enabled, initial_interval, max_interval, max_elapsed_time.
  public var retry: Retry?

  /// When a failed request is sent again.
  public struct Retry: Sendable, Equatable {
    /// Whether at all.
    public var enabled: Bool?
    /// The first wait.
    public var initialInterval: String?
    /// The longest wait.
    public var maxInterval: String?
    /// When it is given up.
    public var maxElapsedTime: String?
  }

  /// The defaults.
  public init() {}

  /// What a CollectorsGroup says. Durations that the collector could not read are left out, with a problem.
  public init(_ spec: CollectorsGroupSpec, problems: inout [String]) {
    let settings = spec.otlpExporterConfiguration
    compress = settings?.enableDataCompression ?? spec.enableDataCompression ?? false
    func duration(_ name: String, _ text: String?) -> String? {
      guard let text, !text.isEmpty else { return nil }
      if GoDuration.isValid(text) { return text }
      problems.append("otlpExporterConfiguration.\(name) \"\(text)\" is no duration; write for example 5s")
      return nil
    }
    timeout = duration("timeout", settings?.timeout)
    guard let retry = settings?.retryOnFailure else { return }
    self.retry = Retry(
      enabled: retry.enabled,
      initialInterval: duration("retryOnFailure.initialInterval", retry.initialInterval),
      maxInterval: duration("retryOnFailure.maxInterval", retry.maxInterval),
      maxElapsedTime: duration("retryOnFailure.maxElapsedTime", retry.maxElapsedTime))
  }

  func json(endpoint: String) -> JSONValue {
    var settings: JSONValue = [
      "endpoint": .string(endpoint),
      "balancer_name": "round_robin",
      "compression": compress ? "gzip" : "none",
      "tls": ["insecure": true],
    ]
    settings["timeout"] = timeout.map { .string($0) }
    if let retry {
      var values = JSONObject()
      values["enabled"] = retry.enabled.map { .bool($0) }
      values["initial_interval"] = retry.initialInterval.map { .string($0) }
      values["max_interval"] = retry.maxInterval.map { .string($0) }
      values["max_elapsed_time"] = retry.maxElapsedTime.map { .string($0) }
      if !values.isEmpty { settings["retry_on_failure"] = .object(values) }
    }
    return settings
  }
}

/// What the node collectors' configuration depends on besides processors.
public struct NodeCollectorSettings: Sendable, Equatable {
  /// The namespace of the installation, where the gateway's Service is.
  public var namespace: String
  /// Hard limit and spike of the memory limiter, in MiB.
  public var memoryLimiter: MemoryLimiter
  /// How the gateway is reached.
  public var exporter: GatewayExporterSettings
  /// What the collector has.
  public var components: CollectorComponents

  /// Makes the settings.
  public init(
    namespace: String, memoryLimiter: MemoryLimiter, exporter: GatewayExporterSettings = GatewayExporterSettings(),
    components: CollectorComponents = .odigosCollector
  ) {
    self.namespace = namespace
    self.memoryLimiter = memoryLimiter
    self.exporter = exporter
    self.components = components
  }
}

/// The configuration of the collector on every node: what the agents of the node send goes on to the gateway.
public struct NodeCollectorConfiguration: Sendable, Equatable {
  /// The configuration.
  public var configuration = CollectorConfiguration()
  /// What became of each Processor with the node collectors' role, by its name.
  public var processors: [String: ProcessorOutcome] = [:]
  /// The signals with a pipeline that the OTLP receiver feeds: what agents may send.
  public var receiverSignals: [Signal] = []

  /// Makes the configuration for these signals, which are the gateway's.
  public static func make(signals: [Signal], processors: [Processor], settings: NodeCollectorSettings)
    -> NodeCollectorConfiguration
  {
    let receiver = ComponentID("otlp")
    let memoryLimiter = ComponentID("memory_limiter")
    let nodeName = ComponentID("resource", "node-name")
    let batch = ComponentID("batch")
    let gateway = ComponentID("otlp", "gateway")

    var result = NodeCollectorConfiguration()
    let selection = ProcessorSelection(
      processors, role: .node, components: settings.components, reserved: [memoryLimiter, nodeName, batch])
    result.processors = selection.outcomes
    result.receiverSignals = Signal.collectable.filter(signals.contains)

    var configuration = CollectorConfiguration()
    configuration.receivers[receiver] = [
      "protocols": [
        "grpc": ["endpoint": .string("0.0.0.0:\(CollectorPort.otlpGRPC)")],
        "http": ["endpoint": .string("0.0.0.0:\(CollectorPort.otlpHTTP)")],
      ]
    ]
    configuration.processors[memoryLimiter] = settings.memoryLimiter.json
    configuration.processors[nodeName] = .upsert("k8s.node.name", environment: CollectorEnvironment.nodeName)
    configuration.processors[batch] = [:]
    configuration.exporters[gateway] = settings.exporter.json(
      endpoint: "dns:///\(ObjectName.gateway).\(settings.namespace):\(CollectorPort.otlpGRPC)")
    configuration.extensions[ComponentID("health_check")] = .healthCheck

    // Without a signal there is still one pipeline, because a collector without any does not start.
    for signal in result.receiverSignals.isEmpty ? [.traces] : result.receiverSignals {
      let own = selection.entries(for: signal)
      for entry in own { configuration.processors[entry.id] = entry.settings }
      // The limiter comes first, so that what is refused is refused to the sender, who can wait; the batch last.
      configuration.pipelines[PipelineID(signal)] = Pipeline(
        receivers: [receiver], processors: [memoryLimiter, nodeName] + own.map(\.id) + [batch], exporters: [gateway])
    }
    result.configuration = configuration
    return result
  }
}
