import HTTPTransport

/// One frame (RFC 9113 section 4.1).
struct HTTP2Frame: Equatable {
  enum Kind: UInt8 {
    case data, headers, priority, reset, settings, pushPromise, ping, goAway, windowUpdate, continuation
  }

  var kind: Kind
  var flags: UInt8 = 0
  var stream: UInt32 = 0
  var payload: [UInt8] = []

  static let endStream: UInt8 = 1
  static let acknowledgement: UInt8 = 1
  static let endHeaders: UInt8 = 4

  var bytes: [UInt8] {
    HTTP2Frame.number(UInt32(payload.count)).suffix(3) + [kind.rawValue, flags] + HTTP2Frame.number(stream) + payload
  }

  static func number(_ value: UInt32) -> [UInt8] { withUnsafeBytes(of: value.bigEndian, Array.init) }

  /// The big-endian number at that place of the payload.
  func number(at offset: Int) -> UInt32 { payload[offset..<offset + 4].reduce(0) { $0 << 8 | UInt32($1) } }

  var endsStream: Bool { flags & HTTP2Frame.endStream != 0 }

  /// Of a GOAWAY: the last stream that is served, and the error code.
  var goAway: (lastStream: UInt32, code: UInt32) { (number(at: 0), number(at: 4)) }
  /// Of a RST_STREAM: the error code.
  var resetCode: UInt32 { number(at: 0) }
}

/// Requests as header blocks whose fields are literals, which need no state (RFC 7541 section 6.2.2).
enum HeaderBytes {
  static func literal(_ name: String, _ value: String) -> [UInt8] { [0] + string(name) + string(value) }

  static func request(
    _ method: String, _ path: String, authority: String = "test", scheme: String = "https",
    fields: [(String, String)] = []
  ) -> [UInt8] {
    let pseudo = [(":method", method), (":scheme", scheme), (":path", path), (":authority", authority)]
    return (pseudo + fields).flatMap { literal($0.0, $0.1) }
  }

  /// At most 16,510 bytes.
  private static func string(_ text: String) -> [UInt8] {
    let count = text.utf8.count
    let length =
      count < 127 ? [UInt8(count)] : [127, UInt8((count - 127) & 127 | 128), UInt8((count - 127) >> 7)]
    return length + Array(text.utf8)
  }
}

/// A client that sends the frames that a test wants. Its functions wait; call them by `BlockingThread`.
final class HTTP2Peer: @unchecked Sendable {
  // Unchecked: one thread at a time uses a peer.
  let wire: any WirePeer
  private var buffer: [UInt8] = []

  static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

  /// Begins the connection; `settings` are identifiers and values.
  init(_ wire: any WirePeer, settings: [(UInt16, UInt32)] = []) {
    self.wire = wire
    wire.send(Self.preface)
    let payload = settings.flatMap { [UInt8($0.0 >> 8), UInt8($0.0 & 255)] + HTTP2Frame.number($0.1) }
    send(HTTP2Frame(kind: .settings, payload: payload))
  }

  func send(_ frame: HTTP2Frame) { wire.send(frame.bytes) }

  /// A request as HEADERS, with DATA when there is a body.
  func request(_ stream: UInt32, _ header: [UInt8], body: [UInt8] = [], ends: Bool = true) {
    let headersEnd = ends && body.isEmpty
    send(
      HTTP2Frame(
        kind: .headers, flags: HTTP2Frame.endHeaders | (headersEnd ? HTTP2Frame.endStream : 0), stream: stream,
        payload: header))
    if !body.isEmpty {
      send(HTTP2Frame(kind: .data, flags: ends ? HTTP2Frame.endStream : 0, stream: stream, payload: body))
    }
  }

  func acknowledgePing(_ ping: HTTP2Frame) {
    send(HTTP2Frame(kind: .ping, flags: HTTP2Frame.acknowledgement, payload: ping.payload))
  }

  /// The next frame; nil at the end of the connection.
  func next() -> HTTP2Frame? {
    while true {
      if let frame = take() { return frame }
      let part = wire.receiveSome()
      if part.isEmpty { return nil }
      buffer += part
    }
  }

  private func take() -> HTTP2Frame? {
    guard buffer.count >= 9 else { return nil }
    let size = buffer[..<3].reduce(0) { $0 << 8 | Int($1) }
    guard buffer.count >= 9 + size, let kind = HTTP2Frame.Kind(rawValue: buffer[3]) else { return nil }
    let frame = HTTP2Frame(
      kind: kind, flags: buffer[4], stream: buffer[5..<9].reduce(0) { $0 << 8 | UInt32($1) },
      payload: Array(buffer[9..<9 + size]))
    buffer.removeFirst(9 + size)
    return frame
  }

  /// The next frame of that kind, others are passed over; nil when the connection ends before it.
  func next(_ kind: HTTP2Frame.Kind) -> HTTP2Frame? {
    while let frame = next() {
      if frame.kind == kind { return frame }
    }
    return nil
  }

  /// The body of a response, and how its stream ended: nil by END_STREAM, a code by RST_STREAM or by the end of the
  /// connection (as 1000). Windows are kept open.
  func response(_ stream: UInt32) -> (body: [UInt8], reset: UInt32?) {
    var body: [UInt8] = []
    while let frame = next() {
      guard frame.stream == stream else { continue }
      switch frame.kind {
      case .data:
        body += frame.payload
        if !frame.payload.isEmpty {
          for id in [0, stream] {
            let credit = HTTP2Frame.number(UInt32(frame.payload.count))
            send(HTTP2Frame(kind: .windowUpdate, stream: id, payload: credit))
          }
        }
      case .reset: return (body, frame.resetCode)
      default: break
      }
      if frame.kind == .data || frame.kind == .headers, frame.endsStream { return (body, nil) }
    }
    return (body, 1000)
  }

  /// Every frame until the connection ends.
  func rest() -> [HTTP2Frame] {
    var frames: [HTTP2Frame] = []
    while let frame = next() { frames.append(frame) }
    return frames
  }
}
