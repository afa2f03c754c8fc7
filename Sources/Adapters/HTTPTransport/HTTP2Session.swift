import CNGHTTP2
import EventLoop
import Glibc

/// One HTTP/2 connection without I/O: bytes in by `receive`, events out by `drainEvents`, bytes out by `produce`.
final class HTTP2Session {
  /// nghttp2's session.
  private(set) var raw: OpaquePointer?
  let isServer: Bool
  let settings: HTTP2Settings
  let budget: BodyBudget
  var events: [HTTP2Event] = []
  private(set) var open: [HTTP2Stream] = []
  private var closed: [HTTP2Stream] = []
  private var spare: [HTTP2Stream] = []
  var now = MonotonicInstant(nanoseconds: 0)
  var lastTarget = Target()
  var ledger = StreamLedger()
  /// The peer's first SETTINGS have come, with which its side of the connection begins.
  var hasBegun = false
  /// The header fields of the next message.
  var fields = HeaderEncoder()
  /// What nghttp2 has made and `produce` has not yet had room for; valid until nghttp2 makes more.
  private var chunk = UnsafeBufferPointer<UInt8>(start: nil, count: 0)

  /// The path and query of the last request: the next is often for the same.
  struct Target {
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
      ? nghttp2_session_server_new2(&raw, http2Callbacks, me, option)
      : nghttp2_session_client_new2(&raw, http2Callbacks, me, option)
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

  func openStream(_ id: Int32) -> HTTP2Stream {
    let stream = spare.popLast() ?? HTTP2Stream()
    ledger.opened(id)
    stream.open(id, at: now)
    stream.place = open.count
    // `open` keeps the stream while nghttp2 points to it.
    open.append(stream)
    nghttp2_session_set_stream_user_data(raw, id, Unmanaged.passUnretained(stream).toOpaque())
    return stream
  }

  /// Keeps a stream that nghttp2 has opened for a request of ours.
  func adopt(_ stream: HTTP2Stream, _ id: Int32) {
    stream.open(id, at: now)
    stream.place = open.count
    open.append(stream)
  }

  func closeStream(_ stream: HTTP2Stream, errorCode: UInt32) {
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
}
