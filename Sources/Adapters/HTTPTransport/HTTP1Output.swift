/// What an HTTP/1.1 connection has yet to send: small responses copied together, a large body as it is, so that many
/// slow readers of one body share its memory.
struct HTTP1Output {
  private var bytes: [UInt8] = []
  private var sent = 0
  /// Goes behind `bytes`.
  private var body: [UInt8] = []
  private var bodySent = 0

  /// From this size on a body is not copied.
  private static let largeBody = 64 << 10

  /// How many bytes wait.
  var count: Int { bytes.count - sent + body.count - bodySent }

  /// Whether another response can be appended without copying a large body.
  var takesMore: Bool { body.isEmpty }

  mutating func append(_ more: [UInt8]) { bytes.append(contentsOf: more) }

  /// Appends a response; see `HTTP1Response.append`.
  mutating func append(_ response: HTTPResponse, keepsAlive: Bool, isHTTP10: Bool, isHead: Bool, date: String) {
    if !body.isEmpty {
      bytes.append(contentsOf: body[bodySent...])
      body = []
      bodySent = 0
    }
    let isLarge = response.body.count >= Self.largeBody
    HTTP1Response.append(
      response, to: &bytes, keepsAlive: keepsAlive, isHTTP10: isHTTP10, isHead: isHead || isLarge, date: date)
    if isLarge, !isHead, HTTP1Response.hasBody(response.status) { body = response.body }
  }

  /// Moves what there is room for to the buffer; gives the number of bytes.
  mutating func take(into buffer: UnsafeMutableRawBufferPointer) -> Int {
    let first = Self.copy(bytes, from: &sent, to: buffer[...])
    let second = Self.copy(body, from: &bodySent, to: buffer[first...])
    if sent == bytes.count {
      bytes.removeAll(keepingCapacity: bytes.capacity <= 64 << 10)
      sent = 0
    }
    if bodySent == body.count {
      body = []
      bodySent = 0
    }
    return first + second
  }

  private static func copy(_ source: [UInt8], from offset: inout Int, to target: Slice<UnsafeMutableRawBufferPointer>)
    -> Int
  {
    let count = min(target.count, source.count - offset)
    guard count > 0 else { return 0 }
    let target = UnsafeMutableRawBufferPointer(rebasing: target)
    source.withUnsafeBytes { target.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[offset..<offset + count])) }
    offset += count
    return count
  }
}
