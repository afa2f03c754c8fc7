import HTTPTransport
import Testing

struct HTTP1ServerTests {
  /// One exchange of a raw peer with a server that echoes.
  private func exchange(_ text: String, limits: HTTPLimits = HTTPLimits()) async throws -> String {
    try await withServer(limits: limits) { server in
      let address = server.address
      return try await BlockingThread.result {
        let peer = try RawPeer(address)
        peer.send(text)
        return peer.receive()
      }
    }
  }

  @Test func pipelinedRequestsAreAnsweredInOrder() async throws {
    let answer = try await exchange(
      "POST /1?q HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"
        + "POST /2 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nde\r\n0\r\n\r\n"
        + "HEAD /3 HTTP/1.1\r\nHost: h\r\n\r\n"
        + "GET /4 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
    let requests = answer.split(separator: "\r\n").filter { $0.hasPrefix("x-request") }
    #expect(
      requests == [
        "x-request: POST /1 [q] 3", "x-request: POST /2 [] 2", "x-request: HEAD /3 [] 0", "x-request: GET /4 [] 0",
      ])
    #expect(answer.components("HTTP/1.1 200 OK") == 4)
    #expect(answer.components("connection: close") == 1)
  }

  @Test(arguments: [
    ("nonsense\r\n\r\n", "HTTP/1.1 400 Bad Request"),
    ("GET / HTTP/3.0\r\n\r\n", "HTTP/1.1 505"),
    ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99\r\n\r\n", "HTTP/1.1 413"),
    ("POST / HTTP/1.1\r\nHost: h\r\nContent-Encoding: br\r\nContent-Length: 1\r\n\r\nx", "HTTP/1.1 415"),
    ("POST / HTTP/1.1\r\nHost: h\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx", "HTTP/1.1 400"),
    ("PRI * HTTP/2.0\r\n\r\nXX", "HTTP/1.1 505"),
  ])
  func badRequestsGetAClearAnswerAndTheEnd(text: String, expected: String) async throws {
    var limits = HTTPLimits()
    limits.maximumBodySize = 50
    let answer = try await exchange(text, limits: limits)
    #expect(answer.hasPrefix(expected))
    #expect(answer.contains("connection: close"))
  }

  @Test func anOversizeBodyIsRefusedWhileItIsBeingSent() async throws {
    var limits = HTTPLimits()
    limits.maximumBodySize = 1000
    let text =
      "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4000000\r\n\r\n" + String(repeating: "x", count: 4_000_000)
    #expect(try await exchange(text, limits: limits).hasPrefix("HTTP/1.1 413"))
  }

  @Test func bodiesBeyondTheBudgetGet503() async throws {
    var limits = HTTPLimits()
    limits.maximumBufferedBodies = 10
    let answer = try await exchange(
      "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 20\r\n\r\n01234567890123456789", limits: limits)
    #expect(answer.hasPrefix("HTTP/1.1 503"))
  }

  @Test func slowHeadersGet408() async throws {
    var limits = HTTPLimits()
    limits.requestTimeout = .milliseconds(100)
    #expect(try await exchange("GET / HTTP/1.1\r\nHo", limits: limits).hasPrefix("HTTP/1.1 408"))
    #expect(
      try await exchange("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n1", limits: limits)
        .hasPrefix("HTTP/1.1 408"))
  }

  @Test func aConnectionThatSaysNothingIsClosed() async throws {
    var limits = HTTPLimits()
    limits.requestTimeout = .milliseconds(100)
    #expect(try await exchange("", limits: limits) == "")
  }

  @Test func anIdleConnectionIsClosed() async throws {
    var limits = HTTPLimits()
    limits.idleTimeout = .milliseconds(100)
    let answer = try await exchange("GET / HTTP/1.1\r\nHost: h\r\n\r\n", limits: limits)
    #expect(answer.components("HTTP/1.1 200 OK") == 1)
  }

  @Test func aPeerThatTakesNoResponseIsClosed() async throws {
    var limits = HTTPLimits()
    limits.requestTimeout = .milliseconds(100)
    let big = [UInt8](repeating: 120, count: 32 << 20)
    let handler = HTTPHandler.inline { _ in HTTPResponse(status: 200, body: big) }
    try await withServer(limits: limits, handler: handler) { server in
      let address = server.address
      let wasEnded = try await BlockingThread.result {
        let peer = try RawPeer(address)
        peer.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        _ = peer.receive(until: "HTTP/1.1 200")
        // Another request on another connection, until the server has given the first up.
        let deadline = ContinuousClock.now + .seconds(20)
        while !peer.isClosed, ContinuousClock.now < deadline {
          let other = try RawPeer(address)
          other.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
          _ = other.receiveBytes()
        }
        return peer.isClosed
      }
      #expect(wasEnded)
    }
  }

  @Test func continueIsSentBeforeTheBody() async throws {
    try await withServer { server in
      let address = server.address
      let answer = try await BlockingThread.result {
        let peer = try RawPeer(address)
        peer.send(
          "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n")
        let interim = peer.receive(until: "\r\n\r\n")
        peer.send("ok")
        return interim + peer.receive()
      }
      #expect(answer.hasPrefix("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK"))
      #expect(answer.hasSuffix("ok"))
    }
  }

  @Test func aPeerThatHasFinishedSendingGetsItsAnswer() async throws {
    let handler = HTTPHandler.async { request in
      await Task.yield()
      return echo(request)
    }
    try await withServer(handler: handler) { server in
      let address = server.address
      let answer = try await BlockingThread.result {
        let peer = try RawPeer(address)
        peer.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nok")
        peer.finishSending()
        return peer.receive()
      }
      #expect(answer.hasSuffix("\r\n\r\nok"))
    }
  }

  @Test func newConnectionsPushIdleOnesOut() async throws {
    var limits = HTTPLimits()
    limits.maximumConnections = 2
    try await withServer(limits: limits) { server in
      let address = server.address
      let ended = try await BlockingThread.result {
        let peers = try (0..<3).map { _ in
          let peer = try RawPeer(address)
          peer.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
          _ = peer.receive(until: "\r\n\r\n")
          return peer
        }
        return peers[0].waitForEnd()
      }
      #expect(ended)
    }
  }
}

extension String {
  /// How often `part` occurs.
  func components(_ part: String) -> Int { split(separator: part, omittingEmptySubsequences: false).count - 1 }
}
