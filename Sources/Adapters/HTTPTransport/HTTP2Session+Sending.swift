import CNGHTTP2
import EventLoop

/// What goes to the peer.
extension HTTP2Session {
  /// Answers the stream's request with a whole response.
  func respond(_ stream: HTTP2Stream, _ response: HTTPResponse, date: String) {
    guard !stream.responded else { return }
    fields.reset()
    fields.add(status: response.status)
    let hasBody = response.status != 204 && response.status != 304
    if hasBody {
      if !response.body.isEmpty { fields.add("content-type", response.contentType) }
      fields.add("content-length", number: response.body.count)
    }
    fields.add("date", date)
    for field in response.headers { fields.add(field.name, field.value) }
    let sendsBody = hasBody && !response.body.isEmpty && stream.method != "HEAD"
    if sendsBody {
      stream.output = response.body
      stream.outputEnded = true
    }
    submitResponse(stream, withData: sendsBody)
  }

  /// Begins a response whose data and trailers follow by `send` and `finish`.
  func beginResponse(_ stream: HTTP2Stream, _ header: [(StaticString, String)]) {
    guard !stream.responded else { return }
    fields.reset()
    fields.add(status: 200)
    for (name, value) in header { fields.add(name, value) }
    submitResponse(stream, withData: true)
  }

  /// Answers with header fields alone.
  func respondWithoutBody(_ stream: HTTP2Stream, status: Int, _ header: [(name: String, value: String)]) {
    guard !stream.responded else { return }
    fields.reset()
    fields.add(status: status)
    for field in header { fields.add(field.name, field.value) }
    submitResponse(stream, withData: false)
  }

  private func submitResponse(_ stream: HTTP2Stream, withData: Bool) {
    stream.responded = true
    stream.progressed = now
    var provider = dataProvider(stream)
    fields.withFields { nv, count in
      _ =
        withData
        ? nghttp2_submit_response(raw, stream.id, nv, count, &provider)
        : nghttp2_submit_response(raw, stream.id, nv, count, nil)
    }
  }

  /// A client's: opens a stream with header fields and a body that ends the sending side. Nil when the session takes
  /// no more streams.
  func request(_ header: [(name: String, value: String)], body: [UInt8], at now: MonotonicInstant) -> HTTP2Stream? {
    self.now = now
    fields.reset()
    for field in header { fields.add(field.name, field.value) }
    let stream = HTTP2Stream()
    stream.output = body
    stream.outputEnded = true
    var provider = dataProvider(stream)
    let id = fields.withFields { nv, count in
      nghttp2_submit_request(raw, nil, nv, count, &provider, Unmanaged.passUnretained(stream).toOpaque())
    }
    guard id > 0 else { return nil }
    adopt(stream, id)
    return stream
  }

  private func dataProvider(_ stream: HTTP2Stream) -> nghttp2_data_provider {
    var provider = nghttp2_data_provider()
    provider.source.ptr = Unmanaged.passUnretained(stream).toOpaque()
    provider.read_callback = http2ReadOutput
    return provider
  }

  /// Adds data to a response that `beginResponse` began.
  func send(_ stream: HTTP2Stream, _ append: (inout [UInt8]) -> Void) {
    if stream.outputOffset == stream.output.count {
      stream.output.removeAll(keepingCapacity: true)
      stream.outputOffset = 0
      stream.progressed = now
      stream.progressMark = 0
    }
    append(&stream.output)
    resume(stream)
  }

  /// Ends a response that `beginResponse` began.
  func finish(_ stream: HTTP2Stream, trailers: [(name: String, value: String)]) {
    stream.outputTrailers = trailers
    stream.outputEnded = true
    resume(stream)
  }

  private func resume(_ stream: HTTP2Stream) {
    guard stream.isDeferred else { return }
    stream.isDeferred = false
    nghttp2_session_resume_data(raw, stream.id)
  }

  func submitTrailers(_ stream: HTTP2Stream, _ trailers: [(name: String, value: String)]) {
    fields.reset()
    for field in trailers { fields.add(field.name, field.value) }
    fields.withFields { nv, count in _ = nghttp2_submit_trailer(raw, stream.id, nv, count) }
  }

  /// Ends the stream at once.
  func cancel(_ stream: HTTP2Stream, errorCode: UInt32 = UInt32(NGHTTP2_CANCEL.rawValue)) {
    nghttp2_submit_rst_stream(raw, 0, stream.id, errorCode)
  }

  // MARK: Connection

  /// Asks the peer for a `pong`.
  func ping() { nghttp2_submit_ping(raw, 0, nil) }

  /// Tells the peer that no new streams will be welcome soon; those under way are still taken.
  func announceShutdown() { nghttp2_submit_shutdown_notice(raw) }

  /// Takes no new streams; those that have begun go on.
  func stopAccepting() {
    nghttp2_submit_goaway(
      raw, 0, nghttp2_session_get_last_proc_stream_id(raw), UInt32(NGHTTP2_NO_ERROR.rawValue), nil, 0)
  }

  /// Ends everything, with a reason for the peer.
  func terminate(errorCode: UInt32 = UInt32(NGHTTP2_NO_ERROR.rawValue)) {
    nghttp2_session_terminate_session(raw, errorCode)
  }
}
