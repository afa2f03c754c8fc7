import EventLoop

/// One call of a client; on the loop's thread only.
final class GRPCClientCall: HTTP2StreamOwner {
  /// What the caller wants of the answer.
  enum Sink {
    case unary(CheckedContinuation<Result<[UInt8], GRPCStatus>, Never>)
    case streaming(AsyncThrowingStream<[UInt8], any Error>.Continuation)
  }

  let header: [(name: String, value: String)]
  let body: [UInt8]
  let began = MonotonicInstant.now
  private let sink: Sink
  private let maximumMessageSize: Int
  private weak var core: GRPCClientCore?
  private(set) var isDone = false
  private var parsed = 0
  private var reply: [UInt8]?
  private var deadline: LoopTimer?
  /// The stream and its connection, while the call is on one.
  private var place: (connection: ClientConnection, stream: HTTP2Stream)?
  /// A server may refuse a stream before it looks at it; that is worth one more attempt.
  private(set) var hasBeenRefused = false

  init(
    header: [(name: String, value: String)], body: [UInt8], maximumMessageSize: Int, core: GRPCClientCore, sink: Sink
  ) {
    self.header = header
    self.body = body
    self.maximumMessageSize = maximumMessageSize
    self.core = core
    self.sink = sink
  }

  func setDeadline(_ timeout: Duration, on loop: EventLoop) {
    deadline = loop.schedule(after: timeout) { [weak self] in self?.missDeadline(timeout) }
  }

  func isPlaced(on connection: ClientConnection, _ stream: HTTP2Stream) {
    place = (connection, stream)
    stream.owner = self
  }

  // MARK: What arrives

  func streamProgressed(_ stream: HTTP2Stream) {
    guard !isDone, stream.hasHeaders else { return }
    do throws(GRPCStatus) {
      try checkHead(stream)
      try takeMessages(stream)
      guard stream.hasEnded else { return }
      try checkStatus(stream)
      guard case .unary = sink else { return complete(.success([])) }
      guard let reply else { throw GRPCStatus(GRPCCode.internalError, "the server sent no message") }
      complete(.success(reply))
    } catch {
      abandon(error)
    }
  }

  private func checkHead(_ stream: HTTP2Stream) throws(GRPCStatus) {
    guard stream.status == 200 else {
      throw GRPCStatus(Self.code(ofHTTP: stream.status), "the server answered with HTTP status \(stream.status)")
    }
    guard stream.isGRPC else {
      let type = stream.headers.first("content-type") ?? "no content-type"
      throw GRPCStatus(GRPCCode.unknown, "the server answered with \(type) instead of application/grpc")
    }
  }

  private func takeMessages(_ stream: HTTP2Stream) throws(GRPCStatus) {
    let encoding = stream.headers.first("grpc-encoding")
    while let (message, end) = try GRPCFraming.next(
      in: stream.body, from: parsed, encoding: encoding, maximumSize: maximumMessageSize)
    {
      parsed = end
      try deliver(message)
    }
    if parsed > 256 << 10 || parsed == stream.body.count, parsed > 0 {
      stream.body.removeFirst(parsed)
      parsed = 0
    }
  }

  private func deliver(_ message: [UInt8]) throws(GRPCStatus) {
    switch sink {
    case .unary:
      guard reply == nil else { throw GRPCStatus(GRPCCode.internalError, "the server sent more than one message") }
      reply = message
    case .streaming(let continuation):
      if case .dropped = continuation.yield(message) {
        throw GRPCStatus(GRPCCode.resourceExhausted, "more messages have arrived than were read")
      }
    }
  }

  private func checkStatus(_ stream: HTTP2Stream) throws(GRPCStatus) {
    let trailers = stream.trailers.isEmpty ? stream.headers : stream.trailers
    guard let code = trailers.first("grpc-status").flatMap({ Int($0) }) else {
      throw GRPCStatus(GRPCCode.unknown, "the server's answer ended without grpc-status")
    }
    guard code == 0 else {
      throw GRPCStatus(code, GRPCFraming.decodeMessage(trailers.first("grpc-message") ?? ""))
    }
  }

  /// doc/http-grpc-status-mapping.md
  private static func code(ofHTTP status: Int) -> Int {
    switch status {
    case 400: GRPCCode.internalError
    case 401: 16
    case 403: 7
    case 404: GRPCCode.unimplemented
    case 429, 502, 503, 504: GRPCCode.unavailable
    default: GRPCCode.unknown
    }
  }

  func streamClosed(errorCode: UInt32) {
    place = nil
    guard !isDone else { return }
    switch errorCode {
    case 7 where !hasBeenRefused:
      hasBeenRefused = true
      core?.start(self)
    case 7: complete(.failure(GRPCStatus(GRPCCode.unavailable, "the server refused the call")))
    case 8: complete(.failure(GRPCStatus(GRPCCode.cancelled, "the server cancelled the call")))
    case 11: complete(.failure(GRPCStatus(GRPCCode.resourceExhausted, "the server asks for fewer calls")))
    default:
      complete(.failure(GRPCStatus(GRPCCode.internalError, "the stream ended with HTTP/2 error \(errorCode)")))
    }
  }

  func connectionLost(_ reason: String) {
    place = nil
    complete(.failure(GRPCStatus(GRPCCode.unavailable, reason)))
  }

  // MARK: Ends

  private func missDeadline(_ timeout: Duration) {
    let connection = place?.connection
    abandon(GRPCStatus(GRPCCode.deadlineExceeded, "no answer within \(timeout)"))
    // Not a word since the call began: the peer may be gone, and the next call shall not wait for it again.
    if let connection, connection.lastHeard <= began { connection.close("the peer is silent") }
  }

  /// The caller has lost interest.
  func cancel() { abandon(GRPCStatus(GRPCCode.cancelled, "the call was cancelled")) }

  /// Ends the call and what may be left of its stream.
  private func abandon(_ status: GRPCStatus) {
    guard !isDone else { return }
    if let place, !place.stream.isClosed {
      place.connection.session?.cancel(place.stream)
      place.connection.hasOutput()
    }
    complete(.failure(status))
  }

  func complete(_ result: Result<[UInt8], GRPCStatus>) {
    guard !isDone else { return }
    isDone = true
    place = nil
    if let deadline { core?.loop.cancel(deadline) }
    deadline = nil
    switch sink {
    case .unary(let continuation): continuation.resume(returning: result)
    case .streaming(let continuation):
      switch result {
      case .success: continuation.finish()
      case .failure(let status): continuation.finish(throwing: status)
      }
    }
  }
}
