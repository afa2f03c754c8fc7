import EventLoop

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
  /// Tells handlers who sent a request (`HTTPRequest.peer`, `GRPCMessageWriter.peer`), which costs a system call for
  /// each connection.
  public var identifiesPeers = false
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
  /// Where it listens, with the port that the system chose.
  public let address: SocketAddress
  private let listener: LoopBound<Listener>

  /// Binds, listens and serves until `shutdown`.
  public init(
    configuration: HTTPServerConfiguration, loop: EventLoop, handler: HTTPHandler, grpc: [String: GRPCMethod] = [:]
  ) throws(HTTPServerError) {
    let tls = try configuration.tls.map(Self.context)
    do throws(SystemError) {
      let (fd, bound) = try Socket.listen(at: configuration.address)
      address = bound
      let context = ServerContext(configuration, loop: loop, handler: handler, grpc: grpc)
      let listener = LoopBound(Listener(fd: fd, address: bound, context: context, tls: tls), to: loop)
      self.listener = listener
      let failure = loop.sync { () -> SystemError? in
        do throws(SystemError) {
          try listener.value.start()
          return nil
        } catch {
          return error
        }
      }
      if let failure { throw failure }
    } catch {
      throw HTTPServerError(error.description)
    }
  }

  /// Serves new connections with another identity; those that are open go on undisturbed.
  public func replaceIdentity(_ identity: TLSIdentity) throws(HTTPServerError) {
    let context = try Self.context(identity)
    listener.run { $0.tls = context }
  }

  private static func context(_ identity: TLSIdentity) throws(HTTPServerError) -> TLSContext {
    do throws(TLSError) {
      return try TLSContext.server(identity)
    } catch {
      throw HTTPServerError(error.description)
    }
  }

  /// Has clients go elsewhere while everything is still answered: the last thing to do before `shutdown` where others
  /// learn of it late, as those behind a load balancer do. HTTP/1.1 responses carry `connection: close`, HTTP/2
  /// connections a GOAWAY; new connections are accepted.
  public func retire() async {
    let listener = listener
    await withCheckedContinuation { done in
      listener.run {
        $0.retire()
        done.resume()
      }
    }
  }

  /// Stops accepting, tells peers (GOAWAY), lets requests finish for `grace`, then closes.
  public func shutdown(grace: Duration) async {
    let listener = listener
    await withCheckedContinuation { done in
      listener.run { $0.drain(grace: grace) { done.resume() } }
    }
  }
}
