import HTTPTransport
import Telemetry

/// Where and how OTLP is received.
struct OTLPReceiverSettings: Sendable, Equatable {
  /// One listener.
  struct Listener: Sendable, Equatable {
    var address: SocketAddress
    var tls: ServerTLSSettings?
    /// The largest request in bytes.
    var maximumBodySize: Int
    var maximumConcurrentStreams: Int
  }

  var grpc: Listener?
  var http: Listener?
  /// The path of each signal over HTTP.
  var httpPaths: [Signal: String] = [:]

  init(_ settings: Settings) {
    let protocols = settings.section("protocols")
    if protocols.has("grpc") { grpc = Self.grpc(protocols.section("grpc")) }
    if protocols.has("http") {
      let section = protocols.section("http")
      for signal in Signal.allCases { httpPaths[signal] = Self.path(of: signal, section) }
      http = Self.http(section)
    }
    protocols.finish()
    if grpc == nil, http == nil {
      settings.problem("protocols", "at least one of grpc, http is needed")
    }
  }

  private static func grpc(_ settings: Settings) -> Listener {
    enum Transport: String, CaseIterable { case tcp, unix }
    let transport = settings.choice("transport", default: Transport.tcp)
    let text = settings.string("endpoint") ?? DefaultEndpoint.otlpGRPC
    if transport == .unix, !text.hasPrefix("/") { settings.problem("endpoint", "a unix socket needs an absolute path") }
    let listener = Listener(
      address: transport == .unix
        ? .unix(path: text) : settings.listenAddress("endpoint", default: DefaultEndpoint.otlpGRPC),
      tls: ServerTLSSettings(settings),
      maximumBodySize: settings.int("max_recv_msg_size_mib", default: 4, in: 1...1024) << 20,
      maximumConcurrentStreams: settings.int("max_concurrent_streams", default: 250, in: 1...100_000))
    keepalive(settings.section("keepalive"))
    refuseCommon(settings)
    settings.finish()
    return listener
  }

  /// Keys of gRPC's keepalive. Upstream uses them to spread long-lived connections over replicas; here a connection
  /// lives until its peer closes it or is idle for five minutes, which the warning says.
  private static func keepalive(_ settings: Settings) {
    let server = settings.section("server_parameters")
    let enforcement = settings.section("enforcement_policy")
    for key in ["max_connection_idle", "max_connection_age", "max_connection_age_grace", "time", "timeout"] {
      _ = server.duration(key, default: .zero)
    }
    _ = enforcement.duration("min_time", default: .zero)
    _ = enforcement.bool("permit_without_stream", default: false)
    for section in [server, enforcement] where !section.keys.isEmpty {
      section.findings.warning(section.path, "has no effect: connections end when the peer closes them or is idle")
    }
    for section in [server, enforcement, settings] { section.finish() }
  }

  private static func http(_ settings: Settings) -> Listener {
    let listener = Listener(
      address: settings.listenAddress("endpoint", default: DefaultEndpoint.otlpHTTP),
      tls: ServerTLSSettings(settings),
      maximumBodySize: settings.int("max_request_body_size", default: 20 << 20, in: 1...(1 << 30)),
      maximumConcurrentStreams: 250)
    settings.refuse("cors", "browsers cannot send to it; remove the key")
    refuseCommon(settings)
    settings.finish()
    return listener
  }

  private static func path(of signal: Signal, _ settings: Settings) -> String {
    let key = "\(signal.rawValue)_url_path"
    let path = settings.string(key) ?? signal.httpPath
    if !path.hasPrefix("/") { settings.problem(key, "a path begins with a slash") }
    return path
  }

  private static func refuseCommon(_ settings: Settings) {
    settings.refuse("auth", "it does not authenticate senders; restrict them by a NetworkPolicy")
    settings.refuse("include_metadata", "no component of it reads metadata; remove the key")
  }
}
