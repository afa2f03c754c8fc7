import CNGHTTP2
import EventLoop
import Glibc

/// What has happened on a session, in order.
enum HTTP2Event {
  /// A server's: a request is complete, or `refusal` says why it never will be.
  case request(HTTP2Stream)
  /// A client's: header fields, data or the end have arrived.
  case progress(HTTP2Stream)
  /// The stream is over; an error code other than 0 means before its time.
  case closed(HTTP2Stream, errorCode: UInt32)
  /// The answer to a PING has come.
  case pong
  /// The peer takes no new streams.
  case goAway
}

/// Bounds and peculiarities of a session.
struct HTTP2Settings {
  var maximumConcurrentStreams = 250
  var maximumHeaderSize = 64 << 10
  var maximumBodySize = 7 << 20
  /// Leaves out nghttp2's validation of messages, which refuses `:authority` with a slash.
  var acceptsSocketPathAuthority = false
}

/// How many bytes of bodies may be in memory, over all sessions of a server.
final class BodyBudget {
  private(set) var left: Int
  init(_ bytes: Int) { left = bytes }
  func take(_ count: Int) -> Bool {
    guard count <= left else { return false }
    left -= count
    return true
  }
  func giveBack(_ count: Int) { left += count }
}

/// One HTTP/2 connection without I/O: bytes in by `receive`, events out by `drainEvents`, bytes out by `produce`.
final class HTTP2Session {
  private var raw: OpaquePointer?
  let isServer: Bool
  fileprivate let settings: HTTP2Settings
  fileprivate let budget: BodyBudget
  fileprivate var events: [HTTP2Event] = []
  private(set) var open: [HTTP2Stream] = []
  private var closed: [HTTP2Stream] = []
  private var spare: [HTTP2Stream] = []
  fileprivate var now = MonotonicInstant(nanoseconds: 0)
  fileprivate var lastTarget = Target()
  fileprivate var ledger = StreamLedger()
  /// The peer's first SETTINGS have come, with which its side of the connection begins.
  fileprivate(set) var hasBegun = false
  private var fields = HeaderEncoder()
  /// What nghttp2 has made and `produce` has not yet had room for; valid until nghttp2 makes more.
  private var chunk = UnsafeBufferPointer<UInt8>(start: nil, count: 0)

  /// The path and query of the last request: the next is often for the same.
  fileprivate struct Target {
    var bytes: [UInt8] = []
    var path = ""
    var query = ""
  }

  init?(isServer: Bool, settings: HTTP2Settings, budget: BodyBudget) {
    self.isServer = isServer
    self.settings = settings
    self.budget = budget
    guard makeSession(), submitSettings() else { return nil }
  }

  deinit {
    for stream in open { budget.giveBack(stream.budgeted) }
    nghttp2_session_del(raw)
  }

  private func makeSession() -> Bool {
    var option: OpaquePointer?
    guard nghttp2_option_new(&option) == 0 else { return false }
    defer { nghttp2_option_del(option) }
    // Against floods of resets (CVE-2023-44487) and of settings.
    nghttp2_option_set_stream_reset_rate_limit(option, 1000, 100)
    nghttp2_option_set_max_settings(option, 32)
    if settings.acceptsSocketPathAuthority { nghttp2_option_set_no_http_messaging(option, 1) }
    let me = Unmanaged.passUnretained(self).toOpaque()
    let code =
      isServer
      ? nghttp2_session_server_new2(&raw, callbacks, me, option)
      : nghttp2_session_client_new2(&raw, callbacks, me, option)
    return code == 0
  }

  private func submitSettings() -> Bool {
    var entries = [
      nghttp2_settings_entry(
        settings_id: Int32(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS.rawValue),
        value: UInt32(clamping: settings.maximumConcurrentStreams)),
      nghttp2_settings_entry(
        settings_id: Int32(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE.rawValue), value: Self.streamWindow),
      nghttp2_settings_entry(
        settings_id: Int32(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE.rawValue),
        value: UInt32(clamping: settings.maximumHeaderSize)),
    ]
    if !isServer {
      entries.append(
        nghttp2_settings_entry(settings_id: Int32(NGHTTP2_SETTINGS_ENABLE_PUSH.rawValue), value: 0))
    }
    return nghttp2_submit_settings(raw, 0, &entries, entries.count) == 0
      && nghttp2_session_set_local_window_size(raw, 0, 0, Self.connectionWindow) == 0
  }

  private static let streamWindow: UInt32 = 1 << 20
  private static let connectionWindow: Int32 = 2 << 20

  // MARK: Bytes

  /// Takes bytes of the peer; false when the session is beyond repair.
  func receive(_ bytes: UnsafeRawBufferPointer, at now: MonotonicInstant) -> Bool {
    self.now = now
    if !closed.isEmpty { recycleClosed() }
    return nghttp2_session_mem_recv(raw, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), bytes.count) >= 0
  }

  /// Fills the buffer with bytes for the peer; 0 when there are none, nil when the session is beyond repair.
  func produce(into buffer: UnsafeMutableRawBufferPointer, at now: MonotonicInstant) -> Int? {
    self.now = now
    guard let start = buffer.baseAddress else { return 0 }
    var filled = 0
    while filled < buffer.count {
      if chunk.isEmpty {
        var data: UnsafePointer<UInt8>?
        let count = nghttp2_session_mem_send(raw, &data)
        guard count >= 0 else { return nil }
        guard count > 0 else { break }
        chunk = UnsafeBufferPointer(start: data, count: Int(count))
      }
      guard let source = chunk.baseAddress else { break }
      let count = min(chunk.count, buffer.count - filled)
      memcpy(start + filled, source, count)
      filled += count
      chunk = UnsafeBufferPointer(start: source + count, count: chunk.count - count)
    }
    return filled
  }

  /// Nothing more will be read nor written: the connection can be closed.
  var isFinished: Bool {
    chunk.isEmpty && nghttp2_session_want_read(raw) == 0 && nghttp2_session_want_write(raw) == 0
  }

  /// Whether so much waits to be sent that no more should be read.
  var isCongested: Bool { nghttp2_session_get_outbound_queue_size(raw) > 2000 }

  /// Hands over the events since the last time; to be called after `receive` and `produce`, never inside nghttp2.
  func drainEvents(_ body: (HTTP2Event) -> Void) {
    var index = 0
    while index < events.count {
      body(events[index])
      index += 1
    }
    events.removeAll(keepingCapacity: true)
  }

  // MARK: Streams

  /// How many streams the peer has opened so far.
  var openedCount: Int { ledger.count }

  /// The open stream of that id.
  func stream(_ id: Int32) -> HTTP2Stream? {
    guard let pointer = nghttp2_session_get_stream_user_data(raw, id) else { return nil }
    return Unmanaged<HTTP2Stream>.fromOpaque(pointer).takeUnretainedValue()
  }

  fileprivate func openStream(_ id: Int32) -> HTTP2Stream {
    let stream = spare.popLast() ?? HTTP2Stream()
    ledger.opened(id)
    stream.open(id, at: now)
    stream.place = open.count
    // `open` keeps the stream while nghttp2 points to it.
    open.append(stream)
    nghttp2_session_set_stream_user_data(raw, id, Unmanaged.passUnretained(stream).toOpaque())
    return stream
  }

  fileprivate func closeStream(_ stream: HTTP2Stream, errorCode: UInt32) {
    let last = open.removeLast()
    if last !== stream {
      open[stream.place] = last
      last.place = stream.place
    }
    budget.giveBack(stream.budgeted)
    stream.budgeted = 0
    if stream.owner != nil { events.append(.closed(stream, errorCode: errorCode)) }
    stream.isClosed = true
    if isServer { closed.append(stream) }
  }

  /// Makes closed streams good for others; not before the events that name them have been handled.
  private func recycleClosed() {
    for stream in closed where spare.count < 64 {
      stream.reset()
      spare.append(stream)
    }
    closed.removeAll(keepingCapacity: true)
  }

  // MARK: Sending

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
    stream.open(id, at: now)
    stream.place = open.count
    open.append(stream)
    return stream
  }

  private func dataProvider(_ stream: HTTP2Stream) -> nghttp2_data_provider {
    var provider = nghttp2_data_provider()
    provider.source.ptr = Unmanaged.passUnretained(stream).toOpaque()
    provider.read_callback = readOutput
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

  fileprivate func submitTrailers(_ stream: HTTP2Stream, _ trailers: [(name: String, value: String)]) {
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

// MARK: - Callbacks of nghttp2

private nonisolated(unsafe) let callbacks: OpaquePointer? = {
  // Unsafe: made once, read only from then on.
  var result: OpaquePointer?
  guard nghttp2_session_callbacks_new(&result) == 0 else { return nil }
  nghttp2_session_callbacks_set_on_begin_frame_callback(result, onBeginFrame)
  nghttp2_session_callbacks_set_on_begin_headers_callback(result, onBeginHeaders)
  nghttp2_session_callbacks_set_on_header_callback(result, onHeader)
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(result, onData)
  nghttp2_session_callbacks_set_on_frame_recv_callback(result, onFrame)
  nghttp2_session_callbacks_set_on_stream_close_callback(result, onStreamClose)
  return result
}()

@inline(__always)
private func session(_ pointer: UnsafeMutableRawPointer?) -> HTTP2Session? {
  pointer.map { Unmanaged<HTTP2Session>.fromOpaque($0).takeUnretainedValue() }
}

@inline(__always)
private func stream(_ raw: OpaquePointer?, _ id: Int32) -> HTTP2Stream? {
  nghttp2_session_get_stream_user_data(raw, id).map { Unmanaged<HTTP2Stream>.fromOpaque($0).takeUnretainedValue() }
}

private typealias Frame = UnsafePointer<nghttp2_frame>

private func isType(_ frame: Frame, _ type: nghttp2_frame_type) -> Bool {
  UInt32(frame.pointee.hd.type) == type.rawValue
}

private func endsStream(_ frame: Frame) -> Bool {
  frame.pointee.hd.flags & UInt8(truncatingIfNeeded: NGHTTP2_FLAG_END_STREAM.rawValue) != 0
}

private func onBeginFrame(
  _ raw: OpaquePointer?, _ header: UnsafePointer<nghttp2_frame_hd>?, _ user: UnsafeMutableRawPointer?
) -> Int32 {
  guard let header, UInt32(header.pointee.type) == NGHTTP2_HEADERS.rawValue, let session = session(user),
    session.ledger.hasSkipped(header.pointee.stream_id)
  else { return 0 }
  session.terminate(errorCode: NGHTTP2_PROTOCOL_ERROR.rawValue)
  return 0
}

private func onBeginHeaders(_ raw: OpaquePointer?, _ frame: Frame?, _ user: UnsafeMutableRawPointer?) -> Int32 {
  guard let session = session(user), let frame, session.isServer, isType(frame, NGHTTP2_HEADERS),
    frame.pointee.headers.cat == NGHTTP2_HCAT_REQUEST
  else { return 0 }
  _ = session.openStream(frame.pointee.hd.stream_id)
  return 0
}

private func onHeader(
  _ raw: OpaquePointer?, _ frame: Frame?, _ name: UnsafePointer<UInt8>?, _ nameCount: Int,
  _ value: UnsafePointer<UInt8>?, _ valueCount: Int, _ flags: UInt8, _ user: UnsafeMutableRawPointer?
) -> Int32 {
  guard let session = session(user), let frame, let stream = stream(raw, frame.pointee.hd.stream_id) else { return 0 }
  session.receiveField(
    stream, UnsafeBufferPointer(start: name, count: nameCount), UnsafeBufferPointer(start: value, count: valueCount))
  return 0
}

private func onData(
  _ raw: OpaquePointer?, _ flags: UInt8, _ id: Int32, _ data: UnsafePointer<UInt8>?, _ count: Int,
  _ user: UnsafeMutableRawPointer?
) -> Int32 {
  guard let session = session(user), let stream = stream(raw, id) else { return 0 }
  session.receiveData(stream, UnsafeBufferPointer(start: data, count: count))
  return 0
}

private func onFrame(_ raw: OpaquePointer?, _ frame: Frame?, _ user: UnsafeMutableRawPointer?) -> Int32 {
  guard let session = session(user), let frame else { return 0 }
  if isType(frame, NGHTTP2_HEADERS) || isType(frame, NGHTTP2_DATA) {
    guard let stream = stream(raw, frame.pointee.hd.stream_id) else { return 0 }
    session.receiveFrame(stream, endsStream: endsStream(frame))
  } else if isType(frame, NGHTTP2_PING) {
    let isAnswer = frame.pointee.hd.flags & UInt8(truncatingIfNeeded: NGHTTP2_FLAG_ACK.rawValue) != 0
    if isAnswer { session.events.append(.pong) }
  } else if isType(frame, NGHTTP2_SETTINGS) {
    session.hasBegun = true
  } else if isType(frame, NGHTTP2_GOAWAY) {
    session.events.append(.goAway)
  }
  return 0
}

private func onStreamClose(
  _ raw: OpaquePointer?, _ id: Int32, _ errorCode: UInt32, _ user: UnsafeMutableRawPointer?
) -> Int32 {
  guard let session = session(user), let stream = stream(raw, id) else { return 0 }
  session.closeStream(stream, errorCode: errorCode)
  return 0
}

private func readOutput(
  _ raw: OpaquePointer?, _ id: Int32, _ buffer: UnsafeMutablePointer<UInt8>?, _ size: Int,
  _ flags: UnsafeMutablePointer<UInt32>?, _ source: UnsafeMutablePointer<nghttp2_data_source>?,
  _ user: UnsafeMutableRawPointer?
) -> Int {
  guard let session = session(user), let pointer = source?.pointee.ptr, let flags else {
    return Int(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue)
  }
  let stream = Unmanaged<HTTP2Stream>.fromOpaque(pointer).takeUnretainedValue()
  let count = min(size, stream.outputCount)
  if count > 0, let buffer {
    stream.output.withUnsafeBytes { bytes in
      guard let start = bytes.baseAddress else { return }
      memcpy(buffer, start + stream.outputOffset, count)
    }
    stream.outputOffset += count
    session.noteProgress(stream)
  }
  guard stream.outputCount == 0 else { return count }
  if stream.outputEnded {
    flags.pointee |= NGHTTP2_DATA_FLAG_EOF.rawValue
    if let trailers = stream.outputTrailers {
      flags.pointee |= NGHTTP2_DATA_FLAG_NO_END_STREAM.rawValue
      session.submitTrailers(stream, trailers)
    }
    return count
  }
  guard count == 0 else { return count }
  stream.isDeferred = true
  return Int(NGHTTP2_ERR_DEFERRED.rawValue)
}

// MARK: - What arrives

extension HTTP2Session {
  /// How many bytes of a response a peer has to take within the time limit.
  private static let leastProgress = 16 << 10

  fileprivate func noteProgress(_ stream: HTTP2Stream) {
    if stream.outputCount == 0 {
      stream.progressed = now
      stream.owner?.outputDrained()
    } else if stream.outputOffset - stream.progressMark >= Self.leastProgress {
      // A peer that takes a byte now and then makes no progress.
      stream.progressed = now
      stream.progressMark = stream.outputOffset
    }
  }

  fileprivate func receiveField(
    _ stream: HTTP2Stream, _ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>
  ) {
    guard stream.refusal == nil else { return }
    stream.headerSize += name.count + value.count + 32
    guard stream.headerSize <= settings.maximumHeaderSize else {
      stream.refusal = .headerTooLarge(settings.maximumHeaderSize)
      return
    }
    if stream.hasHeaders {
      stream.trailers.append(name: name, value: value)
    } else if name.first == UInt8(ascii: ":") {
      receivePseudoField(stream, name, value)
    } else {
      if stream.headers.isEmpty { stream.headers.reserve(256) }
      stream.headers.append(name: name, value: value)
      note(stream, name, value)
    }
  }

  private func receivePseudoField(
    _ stream: HTTP2Stream, _ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>
  ) {
    if equals(name, ":path") {
      setTarget(stream, value)
    } else if equals(name, ":method") {
      stream.method = String(decoding: value, as: UTF8.self)
    } else if equals(name, ":authority") {
      let host: StaticString = "host"
      stream.headers.append(name: UnsafeBufferPointer(start: host.utf8Start, count: 4), value: value)
    } else if equals(name, ":status") {
      stream.status = Int(String(decoding: value, as: UTF8.self)) ?? 0
    }
  }

  private func setTarget(_ stream: HTTP2Stream, _ value: UnsafeBufferPointer<UInt8>) {
    if lastTarget.bytes.count != value.count || !lastTarget.bytes.elementsEqual(value) {
      let path = value.prefix { $0 != UInt8(ascii: "?") }
      lastTarget.bytes = Array(value)
      lastTarget.path = String(decoding: path, as: UTF8.self)
      lastTarget.query = String(decoding: value.dropFirst(path.count + 1), as: UTF8.self)
    }
    stream.path = lastTarget.path
    stream.query = lastTarget.query
  }

  /// Heeds the fields that matter to the transport.
  private func note(
    _ stream: HTTP2Stream, _ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>
  ) {
    switch name.count {
    case 12 where equals(name, "content-type"):
      stream.isGRPC = value.count >= 16 && equals(UnsafeBufferPointer(rebasing: value[..<16]), "application/grpc")
    case 14 where isServer && equals(name, "content-length"):
      var length = 0
      for digit in value.prefix(15) where digit >= 48 && digit <= 57 { length = length * 10 + Int(digit - 48) }
      if length > settings.maximumBodySize {
        stream.refusal = .bodyTooLarge(settings.maximumBodySize)
      } else {
        stream.expectedSize = length
      }
    case 16 where equals(name, "content-encoding"): stream.isEncoded = true
    default: break
    }
  }

  fileprivate func receiveData(_ stream: HTTP2Stream, _ data: UnsafeBufferPointer<UInt8>) {
    guard stream.refusal == nil else { return }
    guard isServer else {
      stream.body.append(contentsOf: data)
      return
    }
    if stream.body.count + data.count > settings.maximumBodySize {
      refuse(stream, .bodyTooLarge(settings.maximumBodySize))
    } else if !budget.take(data.count) {
      refuse(stream, .busy)
    } else {
      stream.budgeted += data.count
      // Not before there is something: announcing a body costs the peer nothing.
      if stream.body.isEmpty { stream.body.reserveCapacity(min(stream.expectedSize, 256 << 10)) }
      stream.body.append(contentsOf: data)
    }
  }

  private func refuse(_ stream: HTTP2Stream, _ refusal: HTTPRefusal) {
    stream.refusal = refusal
    stream.headers = HeaderBlock()
    stream.body = []
    budget.giveBack(stream.budgeted)
    stream.budgeted = 0
    events.append(.request(stream))
  }

  fileprivate func receiveFrame(_ stream: HTTP2Stream, endsStream: Bool) {
    stream.hasEnded = stream.hasEnded || endsStream
    guard isServer else {
      // Interim responses (1xx) precede the response itself.
      stream.hasHeaders = stream.status >= 200
      if !stream.hasHeaders { stream.headers = HeaderBlock() }
      events.append(.progress(stream))
      return
    }
    let isHead = !stream.hasHeaders
    stream.hasHeaders = true
    if isHead {
      // Elsewhere nghttp2 has seen to it.
      if settings.acceptsSocketPathAuthority, stream.method.isEmpty || !stream.path.utf8.starts(with: "/".utf8) {
        stream.refusal = stream.refusal ?? HTTPRefusal(400, "a request has a :method, and a :path that begins with /")
      }
      chargeHeaders(stream)
    }
    if stream.refusal != nil {
      if isHead { events.append(.request(stream)) }
    } else if endsStream {
      events.append(.request(stream))
    }
  }

  /// Counts the header fields against the budget as well: HPACK lets a peer ask for 64 KB of them in a few bytes.
  private func chargeHeaders(_ stream: HTTP2Stream) {
    if stream.refusal == nil, !budget.take(stream.headers.bytes.count) { stream.refusal = .busy }
    if stream.refusal == nil {
      stream.budgeted += stream.headers.bytes.count
    } else {
      stream.headers = HeaderBlock()
    }
  }

  private func equals(_ bytes: UnsafeBufferPointer<UInt8>, _ text: StaticString) -> Bool {
    guard bytes.count == text.utf8CodeUnitCount, let start = bytes.baseAddress else { return false }
    return memcmp(start, text.utf8Start, bytes.count) == 0
  }
}
