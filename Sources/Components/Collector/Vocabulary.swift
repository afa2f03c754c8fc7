// The words of Collector that others rely on: names of OpenTelemetry Collector's configuration and metrics.

/// The kinds of components and their section of the configuration.
enum ComponentKind: String, CaseIterable {
  case receiver = "receivers"
  case processor = "processors"
  case exporter = "exporters"
  case `extension` = "extensions"

  /// One of the section.
  var singular: String { String(rawValue.dropLast()) }

  /// The types that we have, under upstream's names. `otlp_grpc` and `otlp_http` are the later names of the exporters.
  var types: [String] {
    switch self {
    case .receiver: ["otlp"]
    case .processor: ["batch", "memory_limiter", "resource"]
    case .exporter: ["debug", "file", "otlp", "otlp_grpc", "otlp_http", "otlphttp"]
    case .extension: ["health_check"]
    }
  }
}

/// Upstream's default addresses.
enum DefaultEndpoint {
  static let otlpGRPC = "localhost:4317"
  static let otlpHTTP = "localhost:4318"
  static let healthCheck = "localhost:13133"
  static let metrics = "0.0.0.0:8888"
}

/// Names of the collector's own metrics, which are upstream's.
enum MetricName {
  static let receiverAccepted = "otelcol_receiver_accepted"
  static let receiverRefused = "otelcol_receiver_refused"
  static let processorRefused = "otelcol_processor_refused"
  static let processorDropped = "otelcol_processor_dropped"
  static let exporterSent = "otelcol_exporter_sent"
  static let exporterSendFailed = "otelcol_exporter_send_failed"
  static let exporterEnqueueFailed = "otelcol_exporter_enqueue_failed"
  static let exporterQueueSize = "otelcol_exporter_queue_size"
  static let exporterQueueCapacity = "otelcol_exporter_queue_capacity"
  static let memory = "otelcol_process_memory_rss"
  static let uptime = "otelcol_process_uptime"
  static let target = "target_info"
}
