import EventLoop
import Glibc
import HTTPTransport
import Logging

/// One listener of the OpAMP server, kept: what cannot be had now is tried again, and a socket whose file somebody
/// removed is made anew.
struct OpAMPListener {
  let address: SocketAddress
  let loop: EventLoop
  let handler: HTTPHandler
  let logger: Logger
  private var server: HTTPServer?
  private var inode: ino_t?
  private var lastFailure = ""

  init(_ address: SocketAddress, loop: EventLoop, handler: HTTPHandler, logger: Logger) {
    self.address = address
    self.loop = loop
    self.handler = handler
    self.logger = logger
  }

  /// Where it listens; nil while it does not.
  var bound: SocketAddress? { server?.address }

  /// Agents are many and say little. A connection stays between two messages of an agent that speaks every 30 s.
  private var limits: HTTPLimits {
    var limits = HTTPLimits()
    limits.maximumBodySize = 256 << 10
    limits.maximumHeaderSize = 16 << 10
    limits.maximumBufferedBodies = 4 << 20
    limits.maximumConnections = 2048
    limits.maximumConcurrentStreams = 16
    limits.requestTimeout = .seconds(10)
    limits.idleTimeout = .seconds(100)
    return limits
  }

  /// Listens, unless it does already.
  mutating func keep() async {
    if let server, case .unix(let path) = address, Self.inode(of: path) != inode {
      logger.warning("the OpAMP socket was removed; making it anew", metadata: ["socket": "\(path)"])
      await server.shutdown(grace: .zero)
      self.server = nil
    }
    guard server == nil else { return }
    if case .unix(let path) = address {
      // Containers may have the directory mounted: it is never replaced.
      mkdir(String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)]), 0o755)
    }
    var configuration = HTTPServerConfiguration(address: address, limits: limits)
    configuration.identifiesPeers = true
    do throws(HTTPServerError) {
      server = try listen(configuration)
    } catch {
      if error.description != lastFailure {
        logger.warning("agents are not served there; trying again", metadata: ["error": "\(error)"])
      }
      lastFailure = error.description
      return
    }
    lastFailure = ""
    if case .unix(let path) = address {
      // Programs of any user connect.
      chmod(path, 0o666)
      inode = Self.inode(of: path)
    }
    logger.info("agents are served", metadata: ["address": "\(server?.address ?? address)"])
  }

  /// Both families, where the node has IPv6 at all.
  private func listen(_ configuration: HTTPServerConfiguration) throws(HTTPServerError) -> HTTPServer {
    do throws(HTTPServerError) {
      return try HTTPServer(configuration: configuration, loop: loop, handler: handler)
    } catch {
      guard case .tcp("::", let port) = address else { throw error }
      var configuration = configuration
      configuration.address = .tcp(host: "0.0.0.0", port: port)
      return try HTTPServer(configuration: configuration, loop: loop, handler: handler)
    }
  }

  /// Ends.
  mutating func stop() async {
    await server?.shutdown(grace: .milliseconds(500))
    server = nil
  }

  private static func inode(of path: String) -> ino_t? {
    var information = stat()
    return lstat(path, &information) == 0 ? information.st_ino : nil
  }
}
