import HTTPTransport
import Testing

/// `:authority` as kubelets before 1.26 send it: the path of the socket, which RFC 3986 does not allow.
struct AuthorityTests {
  private static let kubelets = ["/var/lib/kubelet/device-plugins/odigos.sock", "unix:///var/run/x.sock", "%2Fvar%2Fx"]

  private func response(_ authority: String, accepts: Bool) async throws -> (body: [UInt8], reset: UInt32?) {
    try await withServer(
      address: .scratchUnix(), acceptsSocketPathAuthority: accepts,
      handler: .inline { HTTPResponse(status: 200, body: Array(($0.header("host") ?? "").utf8)) }
    ) { server in
      let address = server.address
      return try await BlockingThread.result {
        let peer = HTTP2Peer(try RawPeer(address))
        peer.request(1, HeaderBytes.request("POST", "/", authority: authority, scheme: "http"), body: [1])
        return peer.response(1)
      }
    }
  }

  @Test(arguments: kubelets + ["localhost"])
  func socketPathsAreAcceptedWhereKubeletsCall(authority: String) async throws {
    let response = try await response(authority, accepts: true)
    #expect(response.body == Array(authority.utf8))
    #expect(response.reset == nil)
  }

  @Test func socketPathsAreRefusedElsewhere() async throws {
    #expect(try await response(Self.kubelets[0], accepts: false).reset == 1)
  }

  @Test(arguments: [[(":method", "POST")], [(":path", "/")], [(":method", "POST"), (":path", "a")], [("x", "y")]])
  func requestsWithoutMethodOrPathAreRefusedThereToo(fields: [(String, String)]) async throws {
    try await withServer(address: .scratchUnix(), acceptsSocketPathAuthority: true) { server in
      let address = server.address
      let body = try await BlockingThread.result {
        let peer = HTTP2Peer(try RawPeer(address))
        peer.request(1, fields.flatMap { HeaderBytes.literal($0.0, $0.1) })
        return peer.response(1).body
      }
      #expect(String(decoding: body, as: UTF8.self) == "a request has a :method, and a :path that begins with /\n")
    }
  }

  @Test func grpcCallsWithASocketPathAreAnswered() async throws {
    let method = GRPCMethod.unary { message throws(GRPCStatus) in message.reversed() }
    try await withServer(address: .scratchUnix(), acceptsSocketPathAuthority: true, grpc: ["/a.B/C": method]) {
      server in
      let address = server.address
      let body = try await BlockingThread.result {
        let peer = HTTP2Peer(try RawPeer(address))
        let header = HeaderBytes.request(
          "POST", "/a.B/C", authority: Self.kubelets[0], scheme: "http",
          fields: [("content-type", "application/grpc"), ("te", "trailers")])
        peer.request(1, header, body: [0, 0, 0, 0, 3, 1, 2, 3])
        return peer.response(1).body
      }
      #expect(body == [0, 0, 0, 0, 3, 3, 2, 1])
    }
  }
}
