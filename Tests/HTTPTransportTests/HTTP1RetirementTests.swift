import HTTPTransport
import TestSupport
import Testing

/// A server that is about to end must not cost any client a request (Kubernetes' API server speaks HTTP/1.1 to
/// webhooks and does not repeat a POST).
struct HTTP1RetirementTests {
  private static let request = "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nok"

  @Test func anOpenConnectionIsAnsweredOnceMoreAndThenClosed() async throws {
    try await withServer { server in
      let address = server.address
      let peer = try RawPeer(address)
      let before = try await BlockingThread.result {
        peer.send(Self.request)
        return peer.receive(until: "\r\n\r\nok")
      }
      #expect(before.contains("200 OK") && !before.contains("connection: close"))

      await server.retire()
      let after = try await BlockingThread.result {
        peer.send(Self.request)
        return peer.receive()
      }
      #expect(after.contains("200 OK") && after.contains("connection: close"))
    }
  }

  @Test func newConnectionsAreStillServed() async throws {
    try await withServer { server in
      await server.retire()
      let address = server.address
      let answer = try await BlockingThread.result {
        let peer = try RawPeer(address)
        peer.send(Self.request)
        return peer.receive()
      }
      #expect(answer.contains("200 OK") && answer.contains("connection: close"))
    }
  }

  @Test func whoHasConnectedButNotYetAskedIsAnsweredWhileTheServerShutsDown() async throws {
    try await withServer { server in
      let peer = try RawPeer(server.address)
      async let end: Void = server.shutdown(grace: .seconds(20))
      try await eventually("no new connection is accepted") {
        (try? RawPeer(server.address)) == nil
      }
      let answer = try await BlockingThread.result {
        peer.send(Self.request)
        return peer.receive()
      }
      #expect(answer.contains("200 OK") && answer.contains("connection: close"))
      await end
    }
  }
}
