import JSON

/// Where metrics come from.
public struct MetricsSourcesSettings: Sendable, Hashable {
  /// Metrics that are counted from spans.
  public var spanMetrics = SpanMetricsSettings()
  /// Metrics of nodes.
  public var hostMetrics = MetricsIntervalSettings()
  /// Metrics of the kubelets.
  public var kubeletStats = MetricsIntervalSettings()
  /// The system's own metrics.
  public var odigosOwnMetrics = MetricsIntervalSettings()
  /// Metrics that agents make.
  public var agentMetrics = AgentMetricsSettings()
  /// Settings that are not understood; written back unchanged.
  public var unknown = JSONObject()
  /// Nothing set.
  public init() {}
}

/// Which spans are counted.
public enum SpanMetricsMode: String, Sendable, Hashable, CaseIterable {
  case sampledSpansOnly = "sampled-spans-only"
  case allSpans = "all-spans"
}

/// Metrics that are counted from spans.
public struct SpanMetricsSettings: Sendable, Hashable {
  /// Whether they are left out.
  public var disabled = false
  /// How often they are sent.
  public var interval = ConfigurationDuration.seconds(60)
  /// When a series that gets no spans is forgotten.
  public var metricsExpiration = ConfigurationDuration.seconds(300)
  /// Attributes that make series beside the usual ones.
  public var additionalDimensions: [String] = []
  /// Whether durations are left out.
  public var histogramDisabled = false
  /// The bounds of the histogram, as durations.
  public var explicitHistogramBuckets = [
    "2ms", "4ms", "6ms", "8ms", "10ms", "50ms", "100ms", "200ms", "400ms", "800ms", "1s", "1400ms", "2s", "5s", "10s",
    "15s",
  ]
  /// Whether the process makes series.
  public var includedProcessInDimensions = false
  /// Attributes of the resource that are left out.
  public var excludedResourceAttributes: [String] = []
  /// Attributes of the resource that series are told apart by.
  public var resourceMetricsKeyAttributes: [String] = []
  /// Which spans are counted.
  public var spanMetricsMode = SpanMetricsMode.sampledSpansOnly
  /// Settings that are not understood; written back unchanged.
  public var unknown = JSONObject()
  /// Nothing set.
  public init() {}

  /// What agents need to know of it.
  var agentJSON: JSONValue {
    var value: JSONValue = ["intervalMs": .int(interval.milliseconds)]
    if !additionalDimensions.isEmpty { value["dimensions"] = .strings(additionalDimensions) }
    if !histogramDisabled {
      let bounds = explicitHistogramBuckets.compactMap { ConfigurationDuration($0)?.milliseconds }
      value["histogramBucketsMs"] = .array(bounds.map { .int($0) })
    }
    return value
  }
}

/// Metrics that are read again and again.
public struct MetricsIntervalSettings: Sendable, Hashable {
  /// Whether they are left out.
  public var disabled = false
  /// How often they are read.
  public var interval = ConfigurationDuration.seconds(10)
  /// Settings that are not understood; written back unchanged.
  public var unknown = JSONObject()
  /// Nothing set.
  public init() {}
}

/// Metrics that agents make.
public struct AgentMetricsSettings: Sendable, Hashable {
  /// Metrics of spans.
  public var spanMetrics = Switch()
  /// Metrics of language runtimes.
  public var runtimeMetrics = RuntimeMetricsSettings()
  /// Settings that are not understood; written back unchanged.
  public var unknown = JSONObject()
  /// Nothing set.
  public init() {}
}

/// Something that is off unless it is switched on.
public struct Switch: Sendable, Hashable {
  /// Whether it is on.
  public var enabled = false
  /// Settings that are not understood; written back unchanged.
  public var unknown = JSONObject()
  /// Off.
  public init() {}
}

/// Metrics of language runtimes.
public struct RuntimeMetricsSettings: Sendable, Hashable {
  /// Those of the JVM.
  public var java = JavaRuntimeMetricsSettings()
  /// Settings that are not understood; written back unchanged.
  public var unknown = JSONObject()
  /// Nothing set.
  public init() {}
}

/// Metrics of the JVM.
public struct JavaRuntimeMetricsSettings: Sendable, Hashable {
  /// Whether all are left out.
  public var disabled = false
  /// The names of those that are left out, and of those that are kept.
  public var metrics: [String: Bool] = [:]
  /// Settings that are not understood; written back unchanged.
  public var unknown = JSONObject()
  /// Nothing set.
  public init() {}

  /// What agents need to know of it.
  var agentJSON: JSONValue {
    var value: JSONValue = ["disabled": .bool(disabled)]
    if !metrics.isEmpty { value["metrics"] = Self.list(metrics) }
    return value
  }

  static func list(_ metrics: [String: Bool]) -> JSONValue {
    .array(metrics.sorted { $0.key < $1.key }.map { ["name": .string($0.key), "disabled": .bool($0.value)] })
  }
}

/// What is correlated from traces.
public struct TraceCorrelationSettings: Sendable, Hashable {
  /// What goes into services and what comes out.
  public var serviceIO = ServiceIOSettings()
  /// Settings that are not understood; written back unchanged.
  public var unknown = JSONObject()
  /// Nothing set.
  public init() {}
}

/// What goes into services and what comes out.
public struct ServiceIOSettings: Sendable, Hashable {
  /// Whether it is counted.
  public var enabled = false
  /// Attributes of what goes in.
  public var inputSpanAttributes: [String] = []
  /// Attributes of what comes out.
  public var outputSpanAttributes: [String] = []
  /// How often the counts are sent.
  public var metricsFlushInterval = ConfigurationDuration.seconds(60)
  /// Settings that are not understood; written back unchanged.
  public var unknown = JSONObject()
  /// Nothing set.
  public init() {}
}

/// How traces are sampled.
public struct SamplingSettings: Sendable, Hashable {
  /// Whether decisions are only noted on spans.
  public var dryRun = false
  /// What spans say of decisions.
  public var spanSamplingAttributes = SpanSamplingAttributesSettings()
  /// Sampling of whole traces at the gateway.
  public var tailSampling = TailSamplingSettings()
  /// Sampling of the cluster's probes.
  public var k8sHealthProbesSampling = HealthProbesSamplingSettings()
  /// Settings that are not understood; written back unchanged.
  public var unknown = JSONObject()
  /// Nothing set.
  public init() {}
}

/// What spans say of sampling decisions.
public struct SpanSamplingAttributesSettings: Sendable, Hashable {
  /// Whether they say nothing.
  public var disabled = false
  /// Whether they leave out the category.
  public var samplingCategoryDisabled = false
  /// Whether they leave out the rule that decided.
  public var traceDecidingRuleDisabled = false
  /// Whether they leave out the decision.
  public var spanDecisionAttributesDisabled = false
  /// Settings that are not understood; written back unchanged.
  public var unknown = JSONObject()
  /// Nothing set.
  public init() {}
}

/// Sampling of whole traces at the gateway.
public struct TailSamplingSettings: Sendable, Hashable {
  /// Whether it is left out.
  public var disabled = false
  /// How long the gateway waits for the spans of a trace.
  public var traceAggregationWaitDuration = ConfigurationDuration.seconds(30)
  /// Settings that are not understood; written back unchanged.
  public var unknown = JSONObject()
  /// Nothing set.
  public init() {}
}

/// Sampling of the cluster's probes.
public struct HealthProbesSamplingSettings: Sendable, Hashable {
  /// Whether they are sampled.
  public var enabled = false
  /// How many of a hundred are kept.
  public var keepPercentage = 0
  /// Settings that are not understood; written back unchanged.
  public var unknown = JSONObject()
  /// Nothing set.
  public init() {}
}

/// How profiles are collected.
public struct ProfilingSettings: Sendable, Hashable {
  /// Whether they are.
  public var enabled = false
  /// How they are sent on, as the collector's exporter has it.
  public var exporter = JSONValue.null
  /// How addresses become names.
  public var symbolization = SymbolizationSettings()
  /// What the UI keeps of them.
  public var ui = ProfilingUISettings()
  /// Settings that are not understood; written back unchanged.
  public var unknown = JSONObject()
  /// Nothing set.
  public init() {}
}

/// How addresses of a profile become names.
public struct SymbolizationSettings: Sendable, Hashable {
  /// Whether those of native code do.
  public var native = false
  /// Settings that are not understood; written back unchanged.
  public var unknown = JSONObject()
  /// Nothing set.
  public init() {}
}

/// What the UI keeps of profiles.
public struct ProfilingUISettings: Sendable, Hashable {
  /// How long, in seconds.
  public var slotTTLSeconds = 300
  /// Of how many workloads.
  public var maxSlots = 32
  /// How much of each, in bytes.
  public var slotMaxBytes = 8_388_608
  /// Settings that are not understood; written back unchanged.
  public var unknown = JSONObject()
  /// Nothing set.
  public init() {}
}
