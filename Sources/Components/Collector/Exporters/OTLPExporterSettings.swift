import HTTPTransport

/// The exporter `otlp`: OTLP over gRPC.
struct OTLPExporterSettings: Sendable, Equatable {
  private enum Balancer: String, CaseIterable {
    case pickFirst = "pick_first"
    case roundRobin = "round_robin"
  }

  /// Where the peer listens.
  var address: SocketAddress
  /// Whether the connection is encrypted.
  var usesTLS: Bool
  var delivery: DeliverySettings

  init(_ settings: Settings) {
    delivery = DeliverySettings(settings, timeout: .seconds(5))
    usesTLS = !delivery.tls.insecure
    address = .tcp(host: "localhost", port: 4317)
    let text = settings.string("endpoint") ?? ""
    var target = text
    // A scheme decides about TLS, as upstream does it.
    for (scheme, tls) in [("https://", true), ("http://", false)] where target.hasPrefix(scheme) {
      target.removeFirst(scheme.count)
      usesTLS = tls
    }
    for scheme in ["dns:///", "dns:", "passthrough:///"] where target.hasPrefix(scheme) {
      target.removeFirst(scheme.count)
      break
    }
    if target.hasPrefix("unix:"), let parsed = ListenAddress.parse(target) {
      address = parsed
    } else if let (host, port) = ListenAddress.hostAndPort(target), !host.isEmpty, port > 0 {
      address = .tcp(host: host, port: port)
    } else {
      settings.problem("endpoint", "\"\(text)\" is no address; write host:port, such as dns:///gateway:4317")
    }
    // One connection carries everything, so both come to the same.
    _ = settings.choice("balancer_name", default: Balancer.roundRobin)
  }
}
