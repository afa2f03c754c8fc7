import JSON

extension MetricsSourcesSettings: SettingsGroup {
  static var settings: [Setting<MetricsSourcesSettings>] {
    [
      .group("spanMetrics", \.spanMetrics), .group("hostMetrics", \.hostMetrics).withoutEffect,
      .group("kubeletStats", \.kubeletStats).withoutEffect,
      .group("odigosOwnMetrics", \.odigosOwnMetrics).withoutEffect, .group("agentMetrics", \.agentMetrics),
    ]
  }
}

extension SpanMetricsSettings: SettingsGroup {
  static var settings: [Setting<SpanMetricsSettings>] {
    [
      .bool("disabled", \.disabled, "Leaves metrics from spans out of the collectors.").withoutEffect,
      .duration("interval", \.interval, "How often metrics from spans are sent."),
      .duration("metricsExpiration", \.metricsExpiration, "When a series that gets no spans is forgotten.")
        .withoutEffect,
      .list("additionalDimensions", \.additionalDimensions, "Attributes that make series beside the usual ones."),
      .bool("histogramDisabled", \.histogramDisabled, "Leaves durations out."),
      .value(
        "explicitHistogramBuckets", \.explicitHistogramBuckets, .list, "The bounds of the histogram, as durations.",
        read: { $0.durations($1) }, json: { .strings($0) }),
      .bool("includedProcessInDimensions", \.includedProcessInDimensions, "Tells processes apart.").withoutEffect,
      .list("excludedResourceAttributes", \.excludedResourceAttributes, "Attributes of the resource to leave out.")
        .withoutEffect,
      .list("resourceMetricsKeyAttributes", \.resourceMetricsKeyAttributes, "Attributes that tell resources apart.")
        .withoutEffect,
      .choice("spanMetricsMode", \.spanMetricsMode, "Which spans are counted.").withoutEffect,
    ]
  }
}

extension MetricsIntervalSettings: SettingsGroup {
  static var settings: [Setting<MetricsIntervalSettings>] {
    [
      .bool("disabled", \.disabled, "Leaves these metrics out."),
      .duration("interval", \.interval, "How often these metrics are read."),
    ]
  }
}

extension AgentMetricsSettings: SettingsGroup {
  static var settings: [Setting<AgentMetricsSettings>] {
    [.group("spanMetrics", \.spanMetrics), .group("runtimeMetrics", \.runtimeMetrics)]
  }
}

extension Switch: SettingsGroup {
  static var settings: [Setting<Switch>] { [.bool("enabled", \.enabled, "Switches it on.")] }
}

extension RuntimeMetricsSettings: SettingsGroup {
  static var settings: [Setting<RuntimeMetricsSettings>] { [.group("java", \.java)] }
}

extension JavaRuntimeMetricsSettings: SettingsGroup {
  static var settings: [Setting<JavaRuntimeMetricsSettings>] {
    [
      .bool("disabled", \.disabled, "Leaves metrics of the JVM out."),
      .value(
        "metrics", \.metrics, .structure("a list of name with disabled"), "Leaves single metrics of the JVM out.",
        read: { $0.namedSwitches($1) }, json: { list($0) }),
    ]
  }
}

extension TraceCorrelationSettings: SettingsGroup {
  static var settings: [Setting<TraceCorrelationSettings>] { [.group("serviceIO", \.serviceIO)] }
}

extension ServiceIOSettings: SettingsGroup {
  static var settings: [Setting<ServiceIOSettings>] {
    [
      .bool("enabled", \.enabled, "Counts what goes into services and what comes out."),
      .list("inputSpanAttributes", \.inputSpanAttributes, "Attributes of what goes in."),
      .list("outputSpanAttributes", \.outputSpanAttributes, "Attributes of what comes out."),
      .duration("metricsFlushInterval", \.metricsFlushInterval, "How often the counts are sent."),
    ]
  }
}

extension SamplingSettings: SettingsGroup {
  static var settings: [Setting<SamplingSettings>] {
    [
      .bool("dryRun", \.dryRun, "Notes sampling decisions on spans without dropping any."),
      .group("spanSamplingAttributes", \.spanSamplingAttributes).withoutEffect,
      .group("tailSampling", \.tailSampling).withoutEffect,
      .group("k8sHealthProbesSampling", \.k8sHealthProbesSampling).withoutEffect,
    ]
  }
}

extension SpanSamplingAttributesSettings: SettingsGroup {
  static var settings: [Setting<SpanSamplingAttributesSettings>] {
    [
      .bool("disabled", \.disabled, "Leaves all notes of sampling off spans."),
      .bool("samplingCategoryDisabled", \.samplingCategoryDisabled, "Leaves the category off."),
      .bool("traceDecidingRuleDisabled", \.traceDecidingRuleDisabled, "Leaves the rule that decided off."),
      .bool("spanDecisionAttributesDisabled", \.spanDecisionAttributesDisabled, "Leaves the decision off."),
    ]
  }
}

extension TailSamplingSettings: SettingsGroup {
  static var settings: [Setting<TailSamplingSettings>] {
    [
      .bool("disabled", \.disabled, "Leaves sampling of whole traces out."),
      .duration(
        "traceAggregationWaitDuration", \.traceAggregationWaitDuration,
        "How long the gateway waits for the spans of a trace."),
    ]
  }
}

extension HealthProbesSamplingSettings: SettingsGroup {
  static var settings: [Setting<HealthProbesSamplingSettings>] {
    [
      .bool("enabled", \.enabled, "Samples spans of the cluster's health probes."),
      .integer("keepPercentage", \.keepPercentage, 0...100, "How many of a hundred are kept."),
    ]
  }
}

extension ProfilingSettings: SettingsGroup {
  static var settings: [Setting<ProfilingSettings>] {
    [
      .bool("enabled", \.enabled, "Collects profiles."),
      .value(
        "exporter", \.exporter, .structure("settings of the collector's exporter"), "How profiles are sent on.",
        read: { $0.value($1) }, json: { $0.isNull ? Optional.none : $0 }),
      .group("symbolization", \.symbolization), .group("ui", \.ui),
    ]
  }
}

extension SymbolizationSettings: SettingsGroup {
  static var settings: [Setting<SymbolizationSettings>] {
    [.bool("native", \.native, "Makes names of addresses in native code.")]
  }
}

extension ProfilingUISettings: SettingsGroup {
  static var settings: [Setting<ProfilingUISettings>] {
    [
      .integer("slotTTLSeconds", \.slotTTLSeconds, 1...86400, "How long the UI keeps profiles, in seconds."),
      .integer("maxSlots", \.maxSlots, 1...10_000, "Of how many workloads the UI keeps profiles."),
      .integer("slotMaxBytes", \.slotMaxBytes, 1024...1_073_741_824, "How much it keeps of each, in bytes."),
    ]
  }
}
