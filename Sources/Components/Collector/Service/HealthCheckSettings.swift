import HTTPTransport

/// The extension `health_check`.
struct HealthCheckSettings: Sendable, Equatable {
  var address: SocketAddress
  var path: String

  init(_ settings: Settings) {
    address = settings.listenAddress("endpoint", default: DefaultEndpoint.healthCheck)
    path = settings.string("path") ?? "/"
    if !path.hasPrefix("/") { settings.problem("path", "a path begins with a slash") }
    settings.refuse("tls", "probes of the kubelet need none; remove the key")
    settings.refuse("response_body", "the body is fixed; remove the key")
    settings.refuse("check_collector_pipeline", "it was never right upstream; remove the key")
  }
}
