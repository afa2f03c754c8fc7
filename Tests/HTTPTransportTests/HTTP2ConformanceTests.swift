import HTTPTransport
import Testing

/// Rules of RFC 9113 that nghttp2 leaves to its user, and those that need certain answers, as h2spec tests them.
struct HTTP2ConformanceTests {
  private func overTLS<Result: Sendable>(
    handler: HTTPHandler = .inline(echo), settings: [(UInt16, UInt32)] = [],
    _ body: @escaping @Sendable (HTTP2Peer) throws -> Result
  ) async throws -> Result {
    try await withServer(tls: try TestIdentity.make(commonName: "localhost"), handler: handler) { server in
      let address = server.address
      return try await BlockingThread.result { try body(HTTP2Peer(try TLSPeer(address), settings: settings)) }
    }
  }

  @Test func aNewStreamBelowTheLastIsAConnectionError() async throws {
    let goAway = try await overTLS { peer in
      peer.request(5, HeaderBytes.request("GET", "/"))
      peer.request(3, HeaderBytes.request("GET", "/"))
      return peer.next(.goAway)?.goAway
    }
    #expect(goAway?.code == 1)
  }

  enum Late: CaseIterable { case headers, data }

  @Test(arguments: Late.allCases, [false, true])
  func framesForAStreamThatThePeerHasEndedAreAConnectionError(frame: Late, byReset: Bool) async throws {
    let goAway = try await overTLS { peer in
      if byReset {
        peer.request(1, HeaderBytes.request("POST", "/"), ends: false)
        peer.send(HTTP2Frame(kind: .reset, stream: 1, payload: HTTP2Frame.number(8)))
      } else {
        peer.request(1, HeaderBytes.request("GET", "/"))
        _ = peer.response(1)
      }
      switch frame {
      case .headers: peer.request(1, HeaderBytes.request("GET", "/"))
      case .data: peer.send(HTTP2Frame(kind: .data, flags: HTTP2Frame.endStream, stream: 1, payload: [1, 2]))
      }
      return peer.next(.goAway)?.goAway
    }
    #expect(goAway?.code == 5)
  }

  @Test func framesForAStreamThatTheServerHasResetArePassedOver() async throws {
    var limits = HTTPLimits()
    limits.requestTimeout = .milliseconds(100)
    limits.maximumBodySize = 10
    try await withServer(tls: try TestIdentity.make(commonName: "localhost"), limits: limits) { server in
      let address = server.address
      let body = try await BlockingThread.result {
        let peer = HTTP2Peer(try TLSPeer(address))
        // Refused, then reset, as it goes on for too long.
        peer.request(1, HeaderBytes.request("POST", "/"), body: [UInt8](repeating: 1, count: 20), ends: false)
        while let frame = peer.next(), frame.kind != .reset {}
        peer.send(HTTP2Frame(kind: .data, stream: 1, payload: [1]))
        peer.send(
          HTTP2Frame(
            kind: .headers, flags: HTTP2Frame.endHeaders | HTTP2Frame.endStream, stream: 1,
            payload: HeaderBytes.literal("x-trailer", "1")))
        peer.request(3, HeaderBytes.request("POST", "/"), body: [1, 2, 3])
        return peer.response(3).body
      }
      #expect(body == [1, 2, 3])
    }
  }

  @Test(arguments: [0, 1, 7, 70_000])
  func bodiesKeepWithinThePeersWindow(window: UInt32) async throws {
    let body = [UInt8](repeating: 120, count: 100_000)
    let handler = HTTPHandler.inline { _ in HTTPResponse(status: 200, body: body) }
    let (first, total) = try await overTLS(handler: handler, settings: [(4, window)]) { peer in
      peer.request(1, HeaderBytes.request("GET", "/"))
      // The answer to a PING comes after all that the window allows.
      _ = peer.next(.headers)
      peer.send(HTTP2Frame(kind: .ping, payload: [UInt8](repeating: 7, count: 8)))
      var first = 0
      while let frame = peer.next(), frame.kind != .ping || frame.flags == 0 { first += frame.payload.count }
      for id in [UInt32(0), 1] {
        peer.send(HTTP2Frame(kind: .windowUpdate, stream: id, payload: HTTP2Frame.number(200_000)))
      }
      return (first, first + peer.response(1).body.count)
    }
    // The connection's own window is 65,535.
    #expect(first <= min(Int(window), 65_535))
    #expect(total == body.count)
  }

  @Test func aWindowThatShrinksBelowZeroHoldsTheBodyBack() async throws {
    let handler = HTTPHandler.inline { _ in HTTPResponse(status: 200, body: [1, 2, 3, 4, 5, 6]) }
    let sizes = try await overTLS(handler: handler, settings: [(4, 3)]) { peer in
      peer.request(1, HeaderBytes.request("GET", "/"))
      let first = peer.next(.data)?.payload.count
      peer.send(HTTP2Frame(kind: .settings, payload: [0, 4] + HTTP2Frame.number(2)))
      peer.send(HTTP2Frame(kind: .windowUpdate, stream: 1, payload: HTTP2Frame.number(2)))
      return [first, peer.next(.data)?.payload.count]
    }
    #expect(sizes == [3, 1])
  }

  @Test(arguments: [false, true])
  func streamsBeyondTheLimitAreRefused(knowsTheLimit: Bool) async throws {
    var limits = HTTPLimits()
    limits.maximumConcurrentStreams = 2
    try await withServer(tls: try TestIdentity.make(commonName: "localhost"), limits: limits) { server in
      let address = server.address
      let refusal = try await BlockingThread.result { () -> HTTP2Frame? in
        let peer = HTTP2Peer(try TLSPeer(address))
        // A peer that has acknowledged the server's settings breaks them on purpose.
        _ = peer.next(.settings)
        if knowsTheLimit { peer.send(HTTP2Frame(kind: .settings, flags: HTTP2Frame.acknowledgement)) }
        for id in [UInt32(1), 3, 5] { peer.request(id, HeaderBytes.request("POST", "/"), ends: false) }
        while let frame = peer.next() {
          if frame.kind == .reset || frame.kind == .goAway { return frame }
        }
        return nil
      }
      #expect(refusal?.kind == (knowsTheLimit ? .goAway : .reset))
      #expect((knowsTheLimit ? refusal?.goAway.code : refusal?.resetCode) == (knowsTheLimit ? 1 : 7))
    }
  }
}
