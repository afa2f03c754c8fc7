import Testing

@testable import HTTPTransport

struct HTTP1RequestParserTests {
  private func parser() -> HTTP1RequestParser { HTTP1RequestParser(maximumHeaderSize: 1024, maximumBodySize: 100) }

  private func feed(_ parser: inout HTTP1RequestParser, _ text: String) {
    Array(text.utf8).withUnsafeBytes { parser.receive($0) }
  }

  @Test(arguments: [Int.max, 1, 2, 3, 7])
  func requestsAreTheSameHoweverTheirBytesAreCut(size: Int) throws {
    let text =
      "\r\nPOST /a/b?x=1&y HTTP/1.1\r\nHost: h\r\nContent-Type:  text/plain \r\nContent-Length: 5\r\n\r\nhello"
      + "GET http://other:80/abs HTTP/1.1\r\nHost: h\r\n\r\n"
      + "PUT /c HTTP/1.1\r\nhost: h\r\nTransfer-Encoding: Chunked\r\n\r\n3;ext=1\r\nabc\r\nA\r\n0123456789\r\n"
      + "0\r\nTrailer: t\r\n\r\n"
    var parser = parser()
    var messages: [HTTP1Message] = []
    var rest = Substring(text).utf8[...]
    while !rest.isEmpty {
      let piece = rest.prefix(size)
      rest = rest.dropFirst(piece.count)
      Array(piece).withUnsafeBytes { parser.receive($0) }
      while let message = try parser.next() { messages.append(message) }
    }
    try #require(messages.count == 3)
    #expect(messages[0].request.method == "POST")
    #expect(messages[0].request.path == "/a/b")
    #expect(messages[0].request.query == "x=1&y")
    #expect(messages[0].request.header("content-type") == "text/plain")
    #expect(messages[0].request.body == Array("hello".utf8))
    #expect(messages[1].request.path == "/abs")
    #expect(messages[2].request.body == Array("abc0123456789".utf8))
    #expect(!parser.isMidRequest)
  }

  @Test(arguments: [
    ("GET /\r\n\r\n", 400),
    ("GET / HTTP/2.0\r\n\r\n", 505),
    ("GET / HTTP/1.1\n\n", 400),
    ("G(T / HTTP/1.1\r\nHost: h\r\n\r\n", 400),
    ("GET x HTTP/1.1\r\nHost: h\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\nHost : h\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\nHost: h\r\n folded\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\nHost: h\u{01}\r\n\r\n", 400),
    ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
    ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: +1\r\n\r\n", 400),
    ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
    ("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501),
    ("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 501),
    ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 101\r\n\r\n", 413),
    ("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n", 413),
    ("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 400),
    ("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n", 400),
    ("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nfffffffff\r\n", 400),
    ("POST / HTTP/1.1\r\nHost: h\r\nExpect: miracles\r\n\r\n", 417),
    ("GET / HTTP/1.1\r\nHost: h\r\nX: " + String(repeating: "x", count: 1100), 431),
    ("GET /" + String(repeating: "x", count: 1100) + " HTTP/1.1\r\n", 431),
  ])
  func whatIsMalformedIsRefused(text: String, status: Int) {
    var parser = parser()
    feed(&parser, text)
    do {
      while try parser.next() != nil {}
      Issue.record("nothing was refused")
    } catch {
      #expect(error.status == status)
    }
  }

  @Test(arguments: [
    ("GET / HTTP/1.1\r\nHost: h\r\n\r\n", true),
    ("GET / HTTP/1.1\r\nHost: h\r\nConnection: foo, Close\r\n\r\n", false),
    ("GET / HTTP/1.0\r\n\r\n", false),
    ("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true),
  ])
  func connectionsArePersistentAsTheirVersionSays(text: String, keepsAlive: Bool) throws {
    var parser = parser()
    feed(&parser, text)
    let message = try parser.next()
    #expect(message?.keepsAlive == keepsAlive)
  }

  @Test func waitingForContinueIsNoticedOnce() throws {
    var parser = parser()
    feed(&parser, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
    let incomplete = try parser.next()
    #expect(incomplete == nil)
    let first = parser.takeWantsContinue()
    let second = parser.takeWantsContinue()
    #expect(first && !second)
    feed(&parser, "ok")
    let complete = try parser.next()
    #expect(complete?.request.body == Array("ok".utf8))
  }

  @Test func randomBytesNeverHang() {
    var random = SeededRandom(seed: 7)
    let alphabet = Array(
      "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n;0a\t\u{00}".utf8)
    for _ in 0..<2000 {
      var parser = parser()
      let bytes = (0..<random.next(upTo: 200)).map { _ in alphabet[random.next(upTo: alphabet.count)] }
      bytes.withUnsafeBytes { parser.receive($0) }
      while let message = try? parser.next() { #expect(message.request.body.count <= 100) }
    }
  }
}

/// The same numbers at each run.
struct SeededRandom {
  private var state: UInt64
  init(seed: UInt64) { state = seed }
  mutating func next(upTo bound: Int) -> Int {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Int(state >> 33) % bound
  }
}
