import EventLoop

// CONTRACT, to be implemented by the owner of this target.

/// A certificate chain and its private key, both PEM.
public struct TLSIdentity: Sendable, Equatable {
  /// The leaf first, then its issuers.
  public var certificateChainPEM: [UInt8]
  /// The key of the leaf.
  public var privateKeyPEM: [UInt8]
  /// Makes an identity.
  public init(certificateChainPEM: [UInt8], privateKeyPEM: [UInt8]) {
    self.certificateChainPEM = certificateChainPEM
    self.privateKeyPEM = privateKeyPEM
  }
}

/// Bounds on what a peer may ask of a server.
public struct HTTPLimits: Sendable {
  /// The largest body in bytes (7 MiB as controller-runtime's webhooks).
  public var maximumBodySize = 7 << 20
  /// The largest sum of header names and values in bytes.
  public var maximumHeaderSize = 64 << 10
  /// The most connections at once.
  public var maximumConnections = 1000
  /// The most requests at once on one connection.
  public var maximumConcurrentStreams = 250
  /// How long a peer may take for handshake and headers and body of one request.
  public var requestTimeout: Duration = .seconds(15)
  /// How long a connection may be idle.
  public var idleTimeout: Duration = .seconds(300)
  /// The defaults.
  public init() {}
}

/// What a listener serves. HTTP/2 and HTTP/1.1 are told apart by ALPN under TLS and by the preface without.
public struct HTTPServerConfiguration: Sendable {
  /// Where to listen.
  public var address: SocketAddress
  /// The identity for TLS 1.2 and 1.3; nil serves in the clear.
  public var tls: TLSIdentity?
  /// The bounds.
  public var limits: HTTPLimits
  /// Accepts `:authority` with a slash, as kubelets before 1.26 send on Unix sockets.
  public var acceptsSocketPathAuthority = false
  /// Makes a configuration.
  public init(address: SocketAddress, tls: TLSIdentity? = nil, limits: HTTPLimits = HTTPLimits()) {
    self.address = address
    self.tls = tls
    self.limits = limits
  }
}

/// A listener that could not start or an identity that cannot be used.
public struct HTTPServerError: Error, Sendable, CustomStringConvertible {
  /// What failed and why.
  public var description: String
  /// Makes the error.
  public init(_ description: String) { self.description = description }
}

/// An HTTP/2 and HTTP/1.1 server, also for gRPC.
public final class HTTPServer: Sendable {
  /// Binds, listens and serves until `shutdown`.
  public init(
    configuration: HTTPServerConfiguration, loop: EventLoop, handler: HTTPHandler, grpc: [String: GRPCMethod] = [:]
  ) throws(HTTPServerError) { throw HTTPServerError("not here yet") }
  /// Where it listens, with the port that the system chose.
  public var address: SocketAddress { .tcp(host: "", port: 0) }
  /// Serves new connections with another identity; those that are open go on undisturbed.
  public func replaceIdentity(_ identity: TLSIdentity) throws(HTTPServerError) {}
  /// Stops accepting, tells peers (GOAWAY), lets requests finish for `grace`, then closes.
  public func shutdown(grace: Duration) async {}
}
