import EventLoop
import HTTPTransport
import Logging
import Telemetry

/// The receiver `otlp`: up to two listeners before the same pipelines.
final class OTLPReceiver: Sendable {
  let settings: OTLPReceiverSettings
  let intake: OTLPIntake
  private let servers: [(transport: OTLPIntake.Transport, server: HTTPServer)]

  /// Begins to listen.
  init(
    _ id: ComponentID, _ settings: OTLPReceiverSettings, intake: OTLPIntake, loop: EventLoop
  ) async throws(ConfigurationError) {
    self.settings = settings
    self.intake = intake
    var servers: [(transport: OTLPIntake.Transport, server: HTTPServer)] = []
    let path = "\(ComponentKind.receiver.rawValue).\(id).protocols"
    do {
      if let grpc = settings.grpc {
        let other = HTTPResponse(
          status: 415, contentType: "text/plain; charset=utf-8", body: Array("this port speaks gRPC\n".utf8))
        let server = try Self.server(
          grpc, path: "\(path).grpc", loop, .inline { _ in other }, OTLPGRPCService.methods(intake))
        servers.append((.grpc, server))
      }
      if let http = settings.http {
        let service = OTLPHTTPService(intake, paths: settings.httpPaths)
        let server = try Self.server(http, path: "\(path).http", loop, .async { await service.answer($0) }, [:])
        servers.append((.http, server))
      }
    } catch {
      for (_, server) in servers { await server.shutdown(grace: .zero) }
      throw error
    }
    self.servers = servers
  }

  /// Where a transport listens, with the port that the system chose.
  func address(_ transport: OTLPIntake.Transport) -> SocketAddress? {
    servers.first { $0.transport == transport }?.server.address
  }

  /// Takes no more connections and lets requests finish.
  func stop(grace: Duration) async {
    for (_, server) in servers { await server.shutdown(grace: grace) }
  }

  private static func server(
    _ listener: OTLPReceiverSettings.Listener, path: String, _ loop: EventLoop, _ handler: HTTPHandler,
    _ methods: [String: GRPCMethod]
  ) throws(ConfigurationError) -> HTTPServer {
    var configuration = HTTPServerConfiguration(address: listener.address)
    configuration.limits.maximumBodySize = listener.maximumBodySize
    configuration.limits.maximumConcurrentStreams = listener.maximumConcurrentStreams
    configuration.limits.maximumConnections = 4096
    if let tls = listener.tls {
      configuration.tls = TLSIdentity(
        certificateChainPEM: try FileContents.read(tls.certificateFile, for: "\(path).tls.cert_file"),
        privateKeyPEM: try FileContents.read(tls.keyFile, for: "\(path).tls.key_file"))
    }
    do {
      return try HTTPServer(configuration: configuration, loop: loop, handler: handler, grpc: methods)
    } catch {
      throw ConfigurationError(["\(path).endpoint: cannot listen at \(listener.address): \(error)"])
    }
  }
}
