import EventLoop

/// What the connections of one server share; on the loop's thread only.
final class ServerContext {
  let loop: EventLoop
  let limits: HTTPLimits
  let settings: HTTP2Settings
  let handler: HTTPHandler
  let grpc: [String: GRPCMethod]
  let budget: BodyBudget
  let identifiesPeers: Bool
  private var dates = HTTPDate()

  init(_ configuration: HTTPServerConfiguration, loop: EventLoop, handler: HTTPHandler, grpc: [String: GRPCMethod]) {
    self.loop = loop
    self.handler = handler
    self.grpc = grpc
    identifiesPeers = configuration.identifiesPeers
    limits = configuration.limits
    budget = BodyBudget(limits.maximumBufferedBodies)
    var settings = HTTP2Settings()
    settings.maximumConcurrentStreams = limits.maximumConcurrentStreams
    settings.maximumHeaderSize = limits.maximumHeaderSize
    settings.maximumBodySize = limits.maximumBodySize
    settings.acceptsSocketPathAuthority = configuration.acceptsSocketPathAuthority
    self.settings = settings
  }

  func date() -> String { dates.current() }

  /// The request with its body expanded when that came compressed.
  func decoded(_ request: HTTPRequest) throws(HTTPRefusal) -> HTTPRequest {
    let coding = request.header("content-encoding") ?? "identity"
    guard coding != "identity" else { return request }
    guard coding == "gzip" else {
      throw HTTPRefusal(415, "content-encoding \(coding) is not understood; send gzip or none")
    }
    var request = request
    do {
      request.body = try Gzip.expand(request.body, maximumSize: limits.maximumBodySize)
    } catch .tooLarge {
      throw .bodyTooLarge(limits.maximumBodySize)
    } catch {
      throw HTTPRefusal(400, "the body is not gzip as content-encoding says")
    }
    request.block = request.block.without("content-encoding")
    return request
  }
}

/// The side of a connection that a session talks to.
protocol SessionHost: AnyObject {
  /// There is something to send that did not come of `receive`.
  func sessionHasOutput()
  /// Who is at the other end, where that is asked for.
  var peer: RequestPeer? { get }
}

extension SessionHost {
  var peer: RequestPeer? { nil }
}

/// One connection's protocol, HTTP/1.1 or HTTP/2, without I/O.
protocol ServerSession: AnyObject {
  /// Takes bytes; false when the connection cannot go on.
  func receive(_ bytes: UnsafeRawBufferPointer, at now: MonotonicInstant) -> Bool
  /// The peer sends no more; true when what is under way should still be answered.
  func peerEnded() -> Bool
  /// Fills the buffer with bytes for the peer; 0 when there are none, nil when the connection cannot go on.
  func produce(into buffer: UnsafeMutableRawBufferPointer, at now: MonotonicInstant) -> Int?
  /// All is said: the connection can be closed.
  var isFinished: Bool { get }
  /// The peer may be sending still when all is said, so that closing at once could cost it the answer.
  var lingers: Bool { get }
  /// Whether more bytes are welcome now.
  var wantsInput: Bool { get }
  /// Whether no request is under way.
  var isIdle: Bool { get }
  /// Whether the peer has begun to speak the protocol.
  var hasBegun: Bool { get }
  /// How many requests have begun so far.
  var requestCount: Int { get }
  /// Since when everything that is under way waits for the peer: for the rest of its first request, or for its taking
  /// a response. Nil when something else is under way or nothing is.
  var owedSince: MonotonicInstant? { get }
  /// Ends the requests that have taken longer than the limit to arrive, and the responses that nobody takes.
  func expire(at now: MonotonicInstant)
  /// Answers what still comes, and has the peer use another connection from then on.
  func retire()
  /// Lets what is under way finish and takes nothing new.
  func drain()
  /// The connection is gone.
  func connectionClosed()
}

extension ServerContext {
  /// Whether `timeout` has passed since `begin`.
  func hasExpired(_ begin: MonotonicInstant, at now: MonotonicInstant) -> Bool {
    begin.advanced(by: limits.requestTimeout) <= now
  }
}
