import EventLoop
import Glibc
import HTTPTransport
import ServingCertificates

/// The project's HTTP server by itself, for tools that test servers from outside (h2spec, sslscan, slowhttptest):
/// a body longer than the windows of HTTP/2 for GET (`/long`: than the buffers of sockets), the request's own body for
/// the rest, over TLS unless `--plain` is given. It prints where it listens, and ends with its standard input.
@main
struct HTTPServerProbe {
  static func main() async {
    do {
      try await serve(CommandLine.arguments.dropFirst())
    } catch {
      print("HTTPServerProbe: \(error)")
      exit(1)
    }
  }

  private static func serve(_ arguments: ArraySlice<String>) async throws {
    let isPlain = arguments.contains("--plain")
    let port = arguments.compactMap { UInt16($0) }.first ?? 0
    var configuration = HTTPServerConfiguration(address: .tcp(host: "127.0.0.1", port: port))
    if !isPlain { configuration.tls = try identity() }
    let loop = try EventLoop(name: "probe")
    let server = try HTTPServer(configuration: configuration, loop: loop, handler: .inline(answer))
    print("\(isPlain ? "http" : "https")://\(server.address)")
    fflush(nil)
    while getchar() != EOF {}
    await server.shutdown(grace: .seconds(1))
    loop.shutdown()
  }

  private static func identity() throws -> TLSIdentity {
    var secret = ServingSecret()
    let now = UnixTime(time(nil))
    let names = ["localhost"]
    try secret.renew(secret.verdict(names: names, at: now), names: names, at: now)
    return secret.identity
  }

  private static let windowBody = [UInt8](repeating: UInt8(ascii: "x"), count: 100_000)
  private static let longBody = [UInt8](repeating: UInt8(ascii: "x"), count: 4 << 20)

  @Sendable private static func answer(_ request: HTTPRequest) -> HTTPResponse {
    request.method == "GET"
      ? HTTPResponse(status: 200, contentType: "text/plain", body: request.path == "/long" ? longBody : windowBody)
      : HTTPResponse(status: 200, contentType: "application/octet-stream", body: request.body)
  }
}
