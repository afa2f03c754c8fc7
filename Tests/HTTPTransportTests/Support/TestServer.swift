import EventLoop
import Glibc
import HTTPTransport
import Testing

/// A server on a loop of its own for the time of `body`.
func withServer<Result>(
  address: SocketAddress = .tcp(host: "127.0.0.1", port: 0), tls: TLSIdentity? = nil,
  limits: HTTPLimits = HTTPLimits(), acceptsSocketPathAuthority: Bool = false, identifiesPeers: Bool = false,
  handler: HTTPHandler = .inline(echo), grpc: [String: GRPCMethod] = [:], _ body: (HTTPServer) async throws -> Result
) async throws -> Result {
  let loop = try EventLoop(name: "test")
  var configuration = HTTPServerConfiguration(address: address, tls: tls, limits: limits)
  configuration.acceptsSocketPathAuthority = acceptsSocketPathAuthority
  configuration.identifiesPeers = identifiesPeers
  let server = try HTTPServer(configuration: configuration, loop: loop, handler: handler, grpc: grpc)
  do {
    let result = try await body(server)
    await server.shutdown(grace: .zero)
    loop.shutdown()
    return result
  } catch {
    await server.shutdown(grace: .zero)
    loop.shutdown()
    throw error
  }
}

/// Says what came: method, path, query, the number of bytes; and gives the body back.
@Sendable func echo(_ request: HTTPRequest) -> HTTPResponse {
  HTTPResponse(
    status: 200, contentType: "text/plain",
    headers: [("x-request", "\(request.method) \(request.path) [\(request.query)] \(request.body.count)")],
    body: request.body)
}

extension SocketAddress {
  var port: UInt16 {
    guard case .tcp(_, let port) = self else { return 0 }
    return port
  }

  /// A Unix socket that no other test uses.
  static func scratchUnix() -> SocketAddress {
    .unix(path: "/tmp/odigos-test-\(getpid())-\(UInt32.random(in: 0 ... .max)).sock")
  }
}
