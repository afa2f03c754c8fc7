import EventLoop
import HTTPClient
import HTTPTransport
import Logging
import Telemetry

/// Makes the sender of an exporter.
struct SenderFactory {
  let loop: EventLoop
  let logger: Logger

  func sender(_ id: ComponentID, _ settings: ExporterSettings) throws(ConfigurationError) -> any TelemetrySender {
    let path = "\(ComponentKind.exporter.rawValue).\(id)"
    let log = RareLog(logger)
    switch settings {
    case .otlp(let settings):
      let tls = settings.usesTLS ? try grpcTLS(settings.delivery.tls, path) : nil
      let client = GRPCClient(
        address: settings.address, loop: loop, tls: tls, compressesMessages: settings.delivery.compression == .gzip)
      return OTLPSender(client: client, settings: settings.delivery, log: log)
    case .otlpHTTP(let settings):
      let client = HTTPClient(tls: try httpTLS(settings.delivery.tls, path))
      return OTLPHTTPSender(client: client, settings: settings, log: log)
    case .debug(let settings): return DebugSender(name: id.description, settings: settings, logger: logger)
    case .file(let settings): return try FileSender(settings)
    }
  }

  private func grpcTLS(_ tls: ClientTLSSettings, _ path: String) throws(ConfigurationError) -> TLSClientConfiguration {
    var configuration = TLSClientConfiguration(
      caPEM: try tls.authority?.contents(for: "\(path).tls.ca_file"), serverName: tls.serverName)
    if let certificate = tls.certificate, let key = tls.key {
      configuration.identity = TLSIdentity(
        certificateChainPEM: try certificate.contents(for: "\(path).tls.cert_file"),
        privateKeyPEM: try key.contents(for: "\(path).tls.key_file"))
    }
    configuration.skipsVerification = tls.skipsVerification
    return configuration
  }

  private func httpTLS(_ tls: ClientTLSSettings, _ path: String) throws(ConfigurationError) -> HTTPClientTLS {
    var configuration = HTTPClientTLS()
    configuration.certificateAuthorityPEM = try tls.authority?.contents(for: "\(path).tls.ca_file")
    configuration.clientCertificatePEM = try tls.certificate?.contents(for: "\(path).tls.cert_file")
    configuration.clientKeyPEM = try tls.key?.contents(for: "\(path).tls.key_file")
    configuration.serverName = tls.serverName
    configuration.skipsVerification = tls.skipsVerification
    return configuration
  }
}

extension ExporterSettings {
  /// What is kept and tried again. What is local needs neither.
  var delivery: (queue: QueueSettings, retry: RetrySettings) {
    switch self {
    case .otlp(let settings): (settings.delivery.queue, settings.delivery.retry)
    case .otlpHTTP(let settings): (settings.delivery.queue, settings.delivery.retry)
    case .debug, .file: (.none, .none)
    }
  }
}
