import Glibc
import HTTPTransport
import Testing

/// Memory stays flat over what peers do.
struct MemoryTests {
  enum Load: CaseIterable, Sendable {
    case connections, oversizeBodies, oversizeHeaders, brokenOffRequests, brokenHandshakes

    /// One connection of that kind; the server may cut it off.
    func run(_ address: SocketAddress) throws {
      if case .brokenHandshakes = self {
        try RawPeer(address).send([22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3])
        return
      }
      let peer = HTTP2Peer(try TLSPeer(address))
      switch self {
      case .connections:
        peer.request(1, HeaderBytes.request("POST", "/"), body: [1, 2, 3])
        _ = peer.response(1)
      case .oversizeBodies:
        for stream in [UInt32(1), 3, 5, 7] {
          peer.request(stream, HeaderBytes.request("POST", "/"), body: [UInt8](repeating: 1, count: 16000), ends: false)
          peer.send(HTTP2Frame(kind: .data, stream: stream, payload: [UInt8](repeating: 1, count: 16000)))
        }
        _ = peer.next(.data)
      case .oversizeHeaders:
        let fields = (0..<4).map { ("x-\($0)", String(repeating: "a", count: 3000)) }
        peer.request(1, HeaderBytes.request("GET", "/", fields: fields))
        _ = peer.response(1)
      case .brokenOffRequests:
        let fields = [("content-length", "300000")]
        let body = [UInt8](repeating: 1, count: 9000)
        for stream in [UInt32(1), 3, 5] {
          peer.request(stream, HeaderBytes.request("POST", "/", fields: fields), body: body, ends: false)
        }
      case .brokenHandshakes: break
      }
    }
  }

  @Test(arguments: Load.allCases)
  func staysFlatOverThousandsOfConnections(load: Load) async throws {
    var limits = HTTPLimits()
    limits.maximumBodySize = 20_000
    limits.maximumHeaderSize = 8 << 10
    limits.maximumConnections = 50
    try await withServer(tls: try TestIdentity.make(commonName: "localhost"), limits: limits) { server in
      let address = server.address
      let run: @Sendable (Int) throws -> Void = { count in for _ in 0..<count { try load.run(address) } }
      // What allocators and caches keep for good they have after these.
      try await BlockingThread.result { try run(100) }
      let before = Self.residentSize
      try await BlockingThread.result { try run(500) }
      let grown = Self.residentSize - before
      // Had each connection left as little as 8 KB, it were 4 MB.
      #expect(grown < 3 << 20, "\(grown) bytes more after 500 connections")
    }
  }

  @Test func slowReadersOfOneBodyShareIt() async throws {
    let body = [UInt8](repeating: 120, count: 8 << 20)
    let handler = HTTPHandler.inline { _ in HTTPResponse(status: 200, body: body) }
    try await withServer(tls: try TestIdentity.make(commonName: "localhost"), handler: handler) { server in
      let address = server.address
      let grown = try await BlockingThread.result {
        let first = try TLSPeer(address, alpn: "http/1.1")
        first.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        _ = first.receiveAll()
        let before = Self.residentSize
        let slow = try (0..<10).map { _ in
          let peer = try TLSPeer(address, alpn: "http/1.1")
          peer.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
          // The response is on its way then.
          _ = peer.receiveSome()
          return peer
        }
        return withExtendedLifetime(slow) { Self.residentSize - before }
      }
      #expect(grown < 16 << 20)
    }
  }

  @Test func headersOfUnfinishedRequestsCountAgainstTheBudget() async throws {
    var limits = HTTPLimits()
    limits.maximumBufferedBodies = 100_000
    try await withServer(tls: try TestIdentity.make(commonName: "localhost"), limits: limits) { server in
      let address = server.address
      let (refused, later) = try await BlockingThread.result {
        let peer = HTTP2Peer(try TLSPeer(address))
        let header = HeaderBytes.request("POST", "/", fields: [("x", String(repeating: "a", count: 12_000))])
        for stream in 0..<12 { peer.request(UInt32(stream * 2 + 1), header, ends: false) }
        var refused = 0
        var text: [UInt8] = []
        while refused < 4, let frame = peer.next() {
          if frame.kind == .data { text += frame.payload }
          if frame.kind == .data, frame.endsStream { refused += 1 }
        }
        // Given back with the streams.
        for stream in 0..<12 {
          peer.send(HTTP2Frame(kind: .reset, stream: UInt32(stream * 2 + 1), payload: HTTP2Frame.number(8)))
        }
        peer.request(101, header, body: [1, 2])
        return (String(decoding: text, as: UTF8.self), peer.response(101).body)
      }
      #expect(refused.contains("too many request bodies"))
      #expect(later == [1, 2])
    }
  }

  /// Bytes that the process has in memory.
  private static var residentSize: Int {
    guard let file = fopen("/proc/self/statm", "r") else { return 0 }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 128)
    guard fgets(&line, 128, file) != nil else { return 0 }
    let fields = String(decoding: line.map { UInt8(bitPattern: $0) }, as: UTF8.self).split(separator: " ")
    return (fields.dropFirst().first.flatMap { Int($0) } ?? 0) * 4096
  }
}
