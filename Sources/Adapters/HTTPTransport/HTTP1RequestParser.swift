import Glibc

/// HTTP/1.0 and 1.1 requests out of bytes (RFC 9112): a value without I/O.
///
/// Strict where leniency lets two parsers disagree on where a request ends: both kinds of length, lengths that differ,
/// bare line feeds, folded lines and blanks before the colon are refused.
struct HTTP1RequestParser {
  private enum Phase {
    case requestLine
    case fields
    case fixedBody(remaining: Int)
    case chunkSize
    case chunkData(remaining: Int)
    case chunkEnd
    case trailers
    case complete
  }

  private let maximumHeaderSize: Int
  private let maximumBodySize: Int
  private var phase = Phase.requestLine
  private var input: [UInt8] = []
  private var start = 0
  /// Up to where a line's end has been looked for in vain.
  private var scanned = 0
  private var head = Head()
  private var headSize = 0
  private var body: [UInt8] = []

  private struct Head {
    var method = ""
    var path = ""
    var query = ""
    var block = HeaderBlock()
    var minorVersion = 1
    var contentLength: Int?
    var chunked = false
    var hosts = 0
    var close = false
    var keepAlive = false
    var expectsContinue = false
  }

  init(maximumHeaderSize: Int, maximumBodySize: Int) {
    self.maximumHeaderSize = maximumHeaderSize
    self.maximumBodySize = maximumBodySize
  }

  /// The peer waits for `100 Continue` before it sends the body; asking clears it.
  private(set) var wantsContinue = false

  /// Whether a request has begun and is not complete.
  var isMidRequest: Bool {
    if case .requestLine = phase { return buffered > 0 }
    return true
  }

  /// The bytes that wait to be parsed.
  var buffered: Int { input.count - start }

  /// The bytes of the body that have arrived.
  var bodySize: Int { body.count }

  mutating func takeWantsContinue() -> Bool {
    defer { wantsContinue = false }
    return wantsContinue
  }

  mutating func receive(_ bytes: UnsafeRawBufferPointer) {
    if start == input.count {
      input.removeAll(keepingCapacity: input.capacity <= 128 << 10)
      start = 0
      scanned = 0
    } else if start > 64 << 10 {
      input.removeFirst(start)
      scanned -= start
      start = 0
    }
    input.append(contentsOf: bytes)
  }

  /// The next complete request; nil when more bytes are needed.
  mutating func next() throws(HTTPRefusal) -> HTTP1Message? {
    while true {
      switch phase {
      case .requestLine, .fields, .chunkSize, .trailers:
        guard let line = try nextLine() else { return nil }
        try consume(line)
      case .fixedBody(let remaining):
        let rest = takeBody(remaining)
        guard rest == 0 else {
          phase = .fixedBody(remaining: rest)
          return nil
        }
        phase = .complete
      case .chunkData(let remaining):
        let rest = takeBody(remaining)
        guard rest == 0 else {
          phase = .chunkData(remaining: rest)
          return nil
        }
        phase = .chunkEnd
      case .chunkEnd:
        guard buffered >= 2 else { return nil }
        guard input[start] == 13, input[start + 1] == 10 else {
          throw Self.malformed("a chunk is longer than its size")
        }
        start += 2
        phase = .chunkSize
      case .complete:
        return takeMessage()
      }
    }
  }

  // MARK: Lines

  /// The next line without its end; nil when it is not complete.
  private mutating func nextLine() throws(HTTPRefusal) -> Range<Int>? {
    let from = max(start, scanned)
    let found = input.withUnsafeBytes { bytes -> Int? in
      guard let base = bytes.baseAddress, let end = memchr(base + from, 10, bytes.count - from) else { return nil }
      return UnsafeRawPointer(end) - base
    }
    guard let end = found else {
      scanned = input.count
      guard headSize + buffered <= maximumHeaderSize else { throw .headerTooLarge(maximumHeaderSize) }
      return nil
    }
    guard end > start, input[end - 1] == 13 else { throw Self.malformed("a line ends without a carriage return") }
    headSize += end + 1 - start
    guard headSize <= maximumHeaderSize else { throw .headerTooLarge(maximumHeaderSize) }
    defer {
      start = end + 1
      scanned = start
    }
    return start..<end - 1
  }

  private mutating func consume(_ line: Range<Int>) throws(HTTPRefusal) {
    switch phase {
    case .requestLine:
      // A blank line may precede a request (RFC 9112 section 2.2).
      guard !line.isEmpty else { return }
      try consumeRequestLine(line)
      phase = .fields
    case .fields:
      if line.isEmpty { try endHead() } else { try consumeField(line) }
    case .chunkSize: try consumeChunkSize(line)
    case .trailers: if line.isEmpty { phase = .complete }
    default: break
    }
  }

  private mutating func consumeRequestLine(_ line: Range<Int>) throws(HTTPRefusal) {
    let parts = input[line].split(separator: 32, omittingEmptySubsequences: false)
    guard parts.count == 3, !parts[0].isEmpty, parts[0].allSatisfy(HTTP1Characters.isToken) else {
      throw Self.malformed("the request line is not `METHOD target HTTP/1.1`")
    }
    let version = parts[2]
    guard version.count == 8, version.starts(with: "HTTP/".utf8), version[version.startIndex + 6] == UInt8(ascii: ".")
    else { throw Self.malformed("the request line is not `METHOD target HTTP/1.1`") }
    guard version[version.startIndex + 5] == UInt8(ascii: "1") else {
      throw HTTPRefusal(505, "only HTTP/1.0, HTTP/1.1 and HTTP/2 are spoken here")
    }
    head.minorVersion = version[version.startIndex + 7] == UInt8(ascii: "0") ? 0 : 1
    head.method = String(decoding: parts[0], as: UTF8.self)
    try setTarget(parts[1])
  }

  private mutating func setTarget(_ target: ArraySlice<UInt8>) throws(HTTPRefusal) {
    guard target.allSatisfy({ $0 > 32 && $0 != 127 }) else {
      throw Self.malformed("the request target holds a control character")
    }
    var rest = target
    // The absolute form must be accepted (RFC 9112 section 3.2.2).
    for scheme in ["http://", "https://"] where target.starts(with: scheme.utf8) {
      rest = target.dropFirst(scheme.utf8.count).drop { $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "?") }
    }
    let path = rest.prefix { $0 != UInt8(ascii: "?") }
    head.path = path.isEmpty ? "/" : String(decoding: path, as: UTF8.self)
    head.query = String(decoding: rest.dropFirst(path.count + 1), as: UTF8.self)
    guard head.path.hasPrefix("/") || head.path == "*" else {
      throw Self.malformed("the request target does not start with /")
    }
  }

  private mutating func consumeField(_ line: Range<Int>) throws(HTTPRefusal) {
    let bytes = input[line]
    guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")), colon > bytes.startIndex,
      bytes[..<colon].allSatisfy(HTTP1Characters.isToken)
    else { throw Self.malformed("a header line is not `name: value`") }
    var value = bytes[(colon + 1)...]
    while let first = value.first, first == 32 || first == 9 { value.removeFirst() }
    while let last = value.last, last == 32 || last == 9 { value.removeLast() }
    guard value.allSatisfy({ $0 >= 32 && $0 != 127 || $0 == 9 }) else {
      throw Self.malformed("a header value holds a control character")
    }
    let name = bytes[..<colon].map(HTTP1Characters.lowercased)
    try note(name, value)
    name.withUnsafeBufferPointer { name in
      value.withUnsafeBufferPointer { head.block.append(name: name, value: $0) }
    }
  }

  /// Heeds the fields that frame the request.
  private mutating func note(_ name: [UInt8], _ value: ArraySlice<UInt8>) throws(HTTPRefusal) {
    switch name.count {
    case 4 where name.elementsEqual("host".utf8): head.hosts += 1
    case 6 where name.elementsEqual("expect".utf8):
      guard HTTP1Characters.areEqualIgnoringCase(value, "100-continue") else {
        throw HTTPRefusal(417, "only `expect: 100-continue` is met")
      }
      head.expectsContinue = true
    case 10 where name.elementsEqual("connection".utf8):
      for token in value.split(separator: UInt8(ascii: ",")) {
        let token = token.filter { $0 != 32 && $0 != 9 }
        if HTTP1Characters.areEqualIgnoringCase(token[...], "close") { head.close = true }
        if HTTP1Characters.areEqualIgnoringCase(token[...], "keep-alive") { head.keepAlive = true }
      }
    case 14 where name.elementsEqual("content-length".utf8):
      guard let length = HTTP1Characters.decimal(value) else { throw Self.malformed("content-length is not a number") }
      guard head.contentLength ?? length == length else { throw Self.malformed("two content-lengths differ") }
      head.contentLength = length
    case 17 where name.elementsEqual("transfer-encoding".utf8):
      guard HTTP1Characters.areEqualIgnoringCase(value, "chunked"), !head.chunked else {
        throw HTTPRefusal(501, "of the transfer codings only chunked is understood")
      }
      head.chunked = true
    default: break
    }
  }

  private mutating func endHead() throws(HTTPRefusal) {
    guard head.hosts == 1 || head.minorVersion == 0 && head.hosts == 0 else {
      throw Self.malformed("there must be one host field")
    }
    if head.chunked {
      guard head.contentLength == nil, head.minorVersion == 1 else {
        throw Self.malformed("content-length and transfer-encoding exclude one another")
      }
      phase = .chunkSize
    } else {
      let length = head.contentLength ?? 0
      guard length <= maximumBodySize else { throw .bodyTooLarge(maximumBodySize) }
      body.reserveCapacity(min(length, 256 << 10))
      phase = .fixedBody(remaining: length)
    }
    let expectsBody = head.chunked || head.contentLength ?? 0 > 0
    wantsContinue = head.expectsContinue && head.minorVersion == 1 && expectsBody && buffered == 0
  }

  // MARK: Bodies

  private mutating func consumeChunkSize(_ line: Range<Int>) throws(HTTPRefusal) {
    // Chunk extensions have no meaning here (RFC 9112 section 7.1.1).
    let digits = input[line].prefix { $0 != UInt8(ascii: ";") && $0 != 32 && $0 != 9 }
    guard !digits.isEmpty, digits.count <= 8 else { throw Self.malformed("a chunk size is not a hexadecimal number") }
    var size = 0
    for digit in digits {
      guard let value = HTTP1Characters.hexadecimal(digit) else {
        throw Self.malformed("a chunk size is not a hexadecimal number")
      }
      size = size << 4 | value
    }
    guard body.count + size <= maximumBodySize else { throw .bodyTooLarge(maximumBodySize) }
    // The chunks' own lines count for nothing once their chunk has come; trailers count from here on.
    headSize = 0
    phase = size == 0 ? .trailers : .chunkData(remaining: size)
  }

  /// Moves up to `remaining` bytes to the body; gives what is still missing.
  private mutating func takeBody(_ remaining: Int) -> Int {
    let count = min(remaining, buffered)
    body.append(contentsOf: input[start..<start + count])
    start += count
    scanned = start
    return remaining - count
  }

  private mutating func takeMessage() -> HTTP1Message {
    let request = HTTPRequest(
      method: head.method, path: head.path, query: head.query, block: head.block, body: body)
    let keepsAlive = !head.close && (head.minorVersion == 1 || head.keepAlive)
    let message = HTTP1Message(request: request, keepsAlive: keepsAlive, isHTTP10: head.minorVersion == 0)
    head = Head()
    headSize = 0
    body = []
    wantsContinue = false
    phase = .requestLine
    return message
  }

  private static func malformed(_ reason: String) -> HTTPRefusal { HTTPRefusal(400, reason) }
}
