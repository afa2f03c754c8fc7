import CNGHTTP2
import EventLoop
import Glibc

/// What arrives from the peer.
extension HTTP2Session {
  /// How many bytes of a response a peer has to take within the time limit.
  private static let leastProgress = 16 << 10

  func noteProgress(_ stream: HTTP2Stream) {
    if stream.outputCount == 0 {
      stream.progressed = now
      stream.owner?.outputDrained()
    } else if stream.outputOffset - stream.progressMark >= Self.leastProgress {
      // A peer that takes a byte now and then makes no progress.
      stream.progressed = now
      stream.progressMark = stream.outputOffset
    }
  }

  func receiveField(
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

  func receiveData(_ stream: HTTP2Stream, _ data: UnsafeBufferPointer<UInt8>) {
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

  func receiveFrame(_ stream: HTTP2Stream, endsStream: Bool) {
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
