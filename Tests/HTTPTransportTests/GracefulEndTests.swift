import Concurrency
import HTTPTransport
import TestSupport
import Testing

/// Lets handlers wait until a test opens it.
private final class Gate: Sendable {
  private struct State: Sendable {
    var isOpen = false
    var waiting: [CheckedContinuation<Void, Never>] = []
    var arrived = 0
  }
  private let state = Locked(State())
  var arrived: Int { state.withLock { $0.arrived } }

  func pass() async {
    await withCheckedContinuation { continuation in
      let isOpen = state.withLock { state in
        state.arrived += 1
        if !state.isOpen { state.waiting.append(continuation) }
        return state.isOpen
      }
      if isOpen { continuation.resume() }
    }
  }

  func open() {
    let waiting = state.withLock { state in
      state.isOpen = true
      defer { state.waiting = [] }
      return state.waiting
    }
    for continuation in waiting { continuation.resume() }
  }
}

struct GracefulEndTests {
  @Test func aDrainFinishesWhatHasBegunAndTakesNothingNew() async throws {
    let gate = Gate()
    let handler = HTTPHandler.async { request in
      await gate.pass()
      return echo(request)
    }
    try await withServer(tls: try TestIdentity.make(commonName: "localhost"), handler: handler) { server in
      let address = server.address
      let peer = try await BlockingThread.result { HTTP2Peer(try TLSPeer(address)) }
      try await BlockingThread.result { peer.request(1, HeaderBytes.request("POST", "/"), body: [1, 2, 3]) }
      try await eventually("the request has arrived") { gate.arrived == 1 }
      async let shutdown: Void = server.shutdown(grace: .seconds(60))
      let (notice, final) = try await BlockingThread.result {
        // First the notice that leaves time for what is on its way, then, once that must have come, the last stream.
        let notice = peer.next(.goAway)?.goAway
        if let ping = peer.next(.ping) { peer.acknowledgePing(ping) }
        let final = peer.next(.goAway)?.goAway
        peer.request(3, HeaderBytes.request("POST", "/"), body: [4])
        return (notice, final)
      }
      #expect(notice?.lastStream == UInt32(Int32.max))
      #expect(notice?.code == 0)
      #expect(final?.lastStream == 1)
      #expect(final?.code == 0)
      #expect(throws: PeerFailure.self) { try RawPeer(address) }
      gate.open()
      let (response, rest) = try await BlockingThread.result { (peer.response(1), peer.rest()) }
      #expect(response.body == [1, 2, 3])
      #expect(response.reset == nil)
      #expect(!rest.contains { $0.stream == 3 && $0.kind != .reset })
      await shutdown
      #expect(gate.arrived == 1)
    }
  }

  @Test func requestsThatWereOnTheirWayWhenTheDrainBeganAreAnswered() async throws {
    try await withServer(tls: try TestIdentity.make(commonName: "localhost")) { server in
      let address = server.address
      let peer = try await BlockingThread.result {
        let peer = HTTP2Peer(try TLSPeer(address))
        _ = peer.next(.settings)
        return peer
      }
      async let shutdown: Void = server.shutdown(grace: .seconds(60))
      let body = try await BlockingThread.result {
        let ping = peer.next(.ping)
        // The peer has not seen the notice when it sends this; the answer to the ping comes behind it.
        peer.request(1, HeaderBytes.request("POST", "/"), body: [9])
        if let ping { peer.acknowledgePing(ping) }
        return peer.response(1).body
      }
      #expect(body == [9])
      await shutdown
    }
  }

  @Test func aPeerThatDoesNotGoIsClosedAfterTheGrace() async throws {
    try await withServer(tls: try TestIdentity.make(commonName: "localhost")) { server in
      let address = server.address
      let peer = try await BlockingThread.result {
        let peer = HTTP2Peer(try TLSPeer(address))
        peer.request(1, HeaderBytes.request("POST", "/"), ends: false)
        _ = peer.next(.settings)
        return peer
      }
      await server.shutdown(grace: .milliseconds(50))
      let frames = try await BlockingThread.result { peer.rest() }
      #expect(frames.contains { $0.kind == .goAway })
    }
  }

  @Test(arguments: ["h2", "http/1.1"])
  func aNewIdentityLeavesOpenConnectionsAlone(alpn: String) async throws {
    try await withServer(tls: try TestIdentity.make(commonName: "old")) { server in
      let address = server.address
      let exchange: @Sendable (any WirePeer, HTTP2Peer?, UInt32) -> String = { wire, peer, stream in
        guard let peer else {
          wire.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nok")
          return String(decoding: wire.receiveSome().suffix(2), as: UTF8.self)
        }
        peer.request(stream, HeaderBytes.request("POST", "/"), body: Array("ok".utf8))
        return String(decoding: peer.response(stream).body, as: UTF8.self)
      }
      let (old, oldPeer) = try await BlockingThread.result {
        let wire = try TLSPeer(address, alpn: alpn)
        let peer = alpn == "h2" ? HTTP2Peer(wire) : nil
        #expect(exchange(wire, peer, 1) == "ok")
        return (wire, peer)
      }
      try server.replaceIdentity(try TestIdentity.make(commonName: "new"))
      #expect(throws: HTTPServerError.self) {
        try server.replaceIdentity(TLSIdentity(certificateChainPEM: [1], privateKeyPEM: [2]))
      }
      let (answer, newName) = try await BlockingThread.result {
        (exchange(old, oldPeer, 3), try TLSPeer(address, alpn: alpn).serverName)
      }
      #expect(answer == "ok")
      #expect(old.serverName == "old")
      #expect(newName == "new")
    }
  }
}
