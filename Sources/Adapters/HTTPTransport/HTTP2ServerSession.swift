import EventLoop
import Glibc

/// HTTP/2 on one connection of a server: hands requests to the handler or to gRPC methods.
final class HTTP2ServerSession: ServerSession {
  let context: ServerContext
  let session: HTTP2Session
  private weak var host: (any SessionHost)?
  private var isDraining = false
  /// A PING is due once all else is sent: nghttp2 itself would send it first.
  private var pingsNext = false
  private(set) var isGone = false

  init?(context: ServerContext, host: any SessionHost) {
    guard let session = HTTP2Session(isServer: true, settings: context.settings, budget: context.budget) else {
      return nil
    }
    self.context = context
    self.session = session
    self.host = host
  }

  var peer: RequestPeer? { host?.peer }
  var isFinished: Bool { session.isFinished }
  var lingers: Bool { true }
  var wantsInput: Bool { !session.isCongested }
  var isIdle: Bool { session.open.isEmpty }
  var hasBegun: Bool { session.hasBegun }
  var requestCount: Int { session.openedCount }

  var owedSince: MonotonicInstant? {
    var oldest: MonotonicInstant?
    // Whoever has had answers before may be slow with a request; a response must always be taken.
    let isFirst = session.openedCount == session.open.count
    for stream in session.open {
      let since: MonotonicInstant
      if stream.responded, stream.outputCount > 0 {
        since = stream.progressed
      } else if isFirst, !stream.hasEnded {
        since = stream.began
      } else {
        return nil
      }
      oldest = min(oldest ?? since, since)
    }
    return oldest
  }

  func receive(_ bytes: UnsafeRawBufferPointer, at now: MonotonicInstant) -> Bool {
    let isSound = session.receive(bytes, at: now)
    session.drainEvents(handle)
    return isSound
  }

  func peerEnded() -> Bool { false }

  func produce(into buffer: UnsafeMutableRawBufferPointer, at now: MonotonicInstant) -> Int? {
    var count = session.produce(into: buffer, at: now)
    session.drainEvents(handle)
    if count == 0, pingsNext {
      pingsNext = false
      session.ping()
      count = session.produce(into: buffer, at: now)
    }
    return count
  }

  private func handle(_ event: HTTP2Event) {
    switch event {
    case .request(let stream): if !stream.isClosed { serve(stream) }
    case .closed(let stream, let errorCode):
      stream.owner?.streamClosed(errorCode: errorCode)
      stream.owner = nil
    case .pong: if isDraining { session.stopAccepting() }
    case .progress, .goAway: break
    }
  }

  // MARK: Requests

  private func serve(_ stream: HTTP2Stream) {
    if stream.isGRPC {
      GRPCServerCall.serve(stream, of: self)
    } else if let refusal = stream.refusal {
      refuse(stream, refusal)
    } else if stream.isEncoded {
      do throws(HTTPRefusal) {
        dispatch(stream, try context.decoded(takeRequest(stream)))
      } catch {
        refuse(stream, error)
      }
    } else {
      dispatch(stream, takeRequest(stream))
    }
  }

  private func takeRequest(_ stream: HTTP2Stream) -> HTTPRequest {
    var request = HTTPRequest(
      method: stream.method, path: stream.path, query: stream.query, block: stream.headers, body: stream.body)
    request.peer = peer
    stream.headers = HeaderBlock()
    stream.body = []
    return request
  }

  private func dispatch(_ stream: HTTP2Stream, _ request: HTTPRequest) {
    switch context.handler {
    case .inline(let handle):
      session.respond(stream, handle(request), date: context.date())
    case .async(let handle):
      let me = LoopBound(self, to: context.loop)
      let id = stream.id
      let task = Task(executorPreference: context.loop) {
        let response = await handle(request)
        me.run { $0.complete(id, response) }
      }
      stream.owner = HandlerTask(task)
    }
  }

  private func complete(_ id: Int32, _ response: HTTPResponse) {
    guard let stream = openStream(id) else { return }
    stream.owner = nil
    session.respond(stream, response, date: context.date())
    hasOutput()
  }

  private func refuse(_ stream: HTTP2Stream, _ refusal: HTTPRefusal) {
    session.respond(stream, refusal.response, date: context.date())
  }

  /// The stream of that id, unless it or the connection is over.
  func openStream(_ id: Int32) -> HTTP2Stream? {
    guard !isGone, let stream = session.stream(id), !stream.isClosed else { return nil }
    return stream
  }

  func hasOutput() { host?.sessionHasOutput() }

  // MARK: Ends

  func expire(at now: MonotonicInstant) {
    for stream in session.open {
      if stream.responded, stream.outputCount > 0 {
        if context.hasExpired(stream.progressed, at: now) { session.cancel(stream) }
      } else if !stream.hasEnded, context.hasExpired(stream.began, at: now) {
        expire(stream)
      }
    }
  }

  private func expire(_ stream: HTTP2Stream) {
    guard stream.hasHeaders else {
      // In the middle of a header block nothing but the connection can be ended.
      session.terminate()
      return
    }
    guard stream.refusal == nil else {
      // It has had its answer; what is left of the request has been thrown away for long enough. Resetting at once
      // would be right as well (RFC 9113 section 8.1), but some clients then lose the answer (curl before 8).
      session.cancel(stream, errorCode: 0)
      return
    }
    stream.refusal = .tooSlow
    serve(stream)
  }

  /// GOAWAY says it all: requests that cross it on the wire are still answered.
  func retire() { drain() }

  func drain() {
    guard !isDraining else { return }
    isDraining = true
    // Once the ping comes back, the peer has seen the notice, and every stream that it opened before is here.
    session.announceShutdown()
    pingsNext = true
  }

  func connectionClosed() {
    isGone = true
    for stream in session.open {
      stream.owner?.streamClosed(errorCode: 8)
      stream.owner = nil
    }
  }
}

/// The task of an async handler, cancelled when the peer gives its request up.
private final class HandlerTask: HTTP2StreamOwner {
  private let task: Task<Void, Never>
  init(_ task: Task<Void, Never>) { self.task = task }
  func streamClosed(errorCode: UInt32) { task.cancel() }
}
