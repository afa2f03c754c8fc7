/// A kind of telemetry that OTLP carries.
public enum Signal: String, CaseIterable, Sendable, Hashable {
  case traces, metrics, logs

  /// What one unit of the signal is called in counts and messages.
  public var itemName: String {
    switch self {
    case .traces: "spans"
    case .metrics: "metric_points"
    case .logs: "log_records"
    }
  }

  /// The message that carries a batch.
  var request: MessageType {
    switch self {
    case .traces: .exportTraceRequest
    case .metrics: .exportMetricsRequest
    case .logs: .exportLogsRequest
    }
  }
}
