import EventLoop

/// One call that a server answers; on the loop's thread only.
final class GRPCServerCall: HTTP2StreamOwner {
  private unowned let server: HTTP2ServerSession
  private let loop: EventLoop
  private let id: Int32
  private var task: Task<Void, Never>?
  private var deadline: LoopTimer?
  private var isOver = false
  private var hasBegun = false
  /// Who waits until the peer has taken what was written.
  private var writers: [CheckedContinuation<Bool, Never>] = []

  /// Writers wait while that much has not been taken.
  private static let outputBound = 256 << 10

  private init(_ stream: HTTP2Stream, _ server: HTTP2ServerSession) {
    self.server = server
    loop = server.context.loop
    id = stream.id
  }

  /// Answers the request on the stream.
  static func serve(_ stream: HTTP2Stream, of server: HTTP2ServerSession) {
    let call = GRPCServerCall(stream, server)
    do throws(GRPCStatus) {
      if let refusal = stream.refusal { throw status(of: refusal) }
      guard let method = server.context.grpc[stream.path] else {
        throw GRPCStatus(GRPCCode.unimplemented, "there is no method \(stream.path)")
      }
      let message = try takeMessage(stream, maximumSize: server.context.limits.maximumBodySize)
      try call.setDeadline(stream)
      stream.owner = call
      call.start(method, message)
    } catch {
      call.finish(error)
    }
  }

  private static func status(of refusal: HTTPRefusal) -> GRPCStatus {
    switch refusal.status {
    case 400: GRPCStatus(GRPCCode.internalError, refusal.reason)
    case 408: GRPCStatus(GRPCCode.deadlineExceeded, refusal.reason)
    case 503: GRPCStatus(GRPCCode.unavailable, refusal.reason)
    default: GRPCStatus(GRPCCode.resourceExhausted, refusal.reason)
    }
  }

  private static func takeMessage(_ stream: HTTP2Stream, maximumSize: Int) throws(GRPCStatus) -> [UInt8] {
    let body = stream.body
    stream.body = []
    let encoding = stream.headers.first("grpc-encoding")
    guard let (message, end) = try GRPCFraming.next(in: body, from: 0, encoding: encoding, maximumSize: maximumSize)
    else { throw GRPCStatus(GRPCCode.internalError, "the request holds no complete message") }
    guard end == body.count else {
      throw GRPCStatus(GRPCCode.unimplemented, "the request holds more than one message")
    }
    return message
  }

  private func setDeadline(_ stream: HTTP2Stream) throws(GRPCStatus) {
    guard let field = stream.headers.first("grpc-timeout") else { return }
    guard let timeout = GRPCFraming.decodeTimeout(field) else {
      throw GRPCStatus(GRPCCode.internalError, "grpc-timeout \(field) is not a duration")
    }
    deadline = loop.schedule(after: timeout) { [weak self] in
      self?.finish(GRPCStatus(GRPCCode.deadlineExceeded, "the call took longer than its deadline of \(field)"))
    }
  }

  private func start(_ method: GRPCMethod, _ message: [UInt8]) {
    let me = LoopBound(self, to: loop)
    switch method {
    case .unary(let answer):
      task = Task(executorPreference: loop) {
        do throws(GRPCStatus) {
          let reply = try await answer(message)
          me.run { $0.reply(reply) }
        } catch {
          me.run { $0.finish(error) }
        }
      }
    case .serverStreaming(let answer):
      begin()
      let writer = StreamWriter(call: me, peer: server.peer)
      task = Task(executorPreference: loop) {
        do throws(GRPCStatus) {
          try await answer(message, writer)
          me.run { $0.finish(nil) }
        } catch {
          me.run { $0.finish(error) }
        }
      }
    }
  }

  // MARK: Sending

  private func begin() {
    guard !hasBegun, let stream = openStream else { return }
    hasBegun = true
    server.session.beginResponse(stream, [("content-type", "application/grpc"), ("grpc-accept-encoding", "gzip")])
    server.hasOutput()
  }

  private var openStream: HTTP2Stream? { isOver ? nil : server.openStream(id) }

  private func reply(_ message: [UInt8]) {
    begin()
    guard let stream = openStream else { return }
    server.session.send(stream) { GRPCFraming.append(message, to: &$0) }
    finish(nil)
  }

  fileprivate func write(_ message: [UInt8], _ writer: CheckedContinuation<Bool, Never>) {
    guard let stream = openStream else { return writer.resume(returning: false) }
    server.session.send(stream) { GRPCFraming.append(message, to: &$0) }
    server.hasOutput()
    if stream.outputCount < Self.outputBound {
      writer.resume(returning: true)
    } else {
      writers.append(writer)
    }
  }

  private func finish(_ status: GRPCStatus?) {
    guard let stream = openStream else { return }
    var trailers = [(name: "grpc-status", value: String(status?.code ?? 0))]
    if let status { trailers.append(("grpc-message", GRPCFraming.encodeMessage(status.message))) }
    if hasBegun {
      server.session.finish(stream, trailers: trailers)
    } else {
      server.session.respondWithoutBody(stream, status: 200, [("content-type", "application/grpc")] + trailers)
    }
    stream.owner = nil
    end()
    server.hasOutput()
  }

  // MARK: Ends

  func outputDrained() {
    let waiting = writers
    writers = []
    for writer in waiting { writer.resume(returning: true) }
  }

  func streamClosed(errorCode: UInt32) { end() }

  private func end() {
    isOver = true
    task?.cancel()
    if let deadline { loop.cancel(deadline) }
    deadline = nil
    let waiting = writers
    writers = []
    for writer in waiting { writer.resume(returning: false) }
  }
}

private struct StreamWriter: GRPCMessageWriter {
  let call: LoopBound<GRPCServerCall>
  let peer: RequestPeer?

  func write(_ message: [UInt8]) async throws(GRPCStatus) {
    let call = call
    let isTaken = await withCheckedContinuation { writer in
      call.run { $0.write(message, writer) }
    }
    guard isTaken else { throw GRPCStatus(GRPCCode.cancelled, "the peer has gone or has cancelled the call") }
  }
}
