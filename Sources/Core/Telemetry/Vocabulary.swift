// The words of OTLP that others rely on (opentelemetry-proto, docs/specification.md).

extension Signal {
  /// The path of the signal below an OTLP/HTTP endpoint.
  public var httpPath: String { "/v1/\(rawValue)" }

  /// The path of the gRPC method that takes the signal.
  public var grpcPath: String {
    switch self {
    case .traces: "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
    case .metrics: "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"
    case .logs: "/opentelemetry.proto.collector.logs.v1.LogsService/Export"
    }
  }

  /// The member of a partial success that counts what was rejected.
  var rejectedName: String {
    switch self {
    case .traces: "rejectedSpans"
    case .metrics: "rejectedDataPoints"
    case .logs: "rejectedLogRecords"
    }
  }
}
