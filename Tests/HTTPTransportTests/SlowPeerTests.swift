import EventLoop
import Glibc
import HTTPTransport
import TestSupport
import Testing

/// Peers that are slow on purpose: each is cut off, holds no thread, and costs the others nothing.
struct SlowPeerTests {
  enum Slowness: String, CaseIterable, Sendable {
    case silentBeforeTLS, handshakeByByte, silentAfterTLS, prefaceByByte, headersByByte, bodyByByte, neverReads
    case readsByByte, http1Silent, http1HeadersByByte, http1BodyByByte, http1NeverReads
    case idleWithPings, idleWithBlankLines
  }

  private static let limits = {
    var limits = HTTPLimits()
    limits.requestTimeout = .milliseconds(300)
    limits.idleTimeout = .milliseconds(300)
    return limits
  }()

  /// More than sockets on both sides hold.
  private static let big = [UInt8](repeating: 120, count: 16 << 20)

  @Sendable private static func answer(_ request: HTTPRequest) -> HTTPResponse {
    request.path == "/big" ? HTTPResponse(status: 200, body: big) : echo(request)
  }

  @Test(arguments: Slowness.allCases)
  func isCutOffAndHoldsUpNobody(slowness: Slowness) async throws {
    let identity = try TestIdentity.make(commonName: "localhost")
    try await withServer(tls: identity, limits: Self.limits, handler: .inline(Self.answer)) { server in
      let address = server.address
      let threads = Self.threadCount
      let (wasEnded, answered) = try await BlockingThread.result {
        let slow = try (0..<8).map { _ in try SlowPeer(slowness, address) }
        var answered = 0
        var ended = 0
        // Others are served for as long as the slow ones are there.
        repeat {
          for peer in slow where !peer.hasEnded { peer.dribble() }
          let other = HTTP2Peer(try TLSPeer(address))
          other.request(1, HeaderBytes.request("POST", "/"), body: [1, 2, 3])
          if other.response(1).body == [1, 2, 3] { answered += 1 }
          ended = slow.count { $0.hasEnded }
        } while ended < slow.count
        return (ended == slow.count, answered)
      }
      #expect(wasEnded)
      #expect(answered > 0)
      // One each would be eight; the concurrency runtime may start some of its own.
      #expect(Self.threadCount <= threads + 4)
    }
  }

  @Test func aServerThatIsFullOfSlowPeersTakesOthers() async throws {
    var limits = HTTPLimits()
    limits.maximumConnections = 8
    let identity = try TestIdentity.make(commonName: "localhost")
    try await withServer(tls: identity, limits: limits, handler: .inline(Self.answer)) { server in
      let address = server.address
      let answered = try await BlockingThread.result {
        let honest = HTTP2Peer(try TLSPeer(address))
        honest.request(1, HeaderBytes.request("POST", "/"), body: [7])
        #expect(honest.response(1).body == [7])
        let kinds: [Slowness] = [.silentBeforeTLS, .headersByByte, .bodyByByte, .neverReads]
        let slow = try (0..<40).map { try SlowPeer(kinds[$0 % kinds.count], address) }
        var answered = 0
        for _ in 0..<20 {
          let other = HTTP2Peer(try TLSPeer(address))
          other.request(1, HeaderBytes.request("POST", "/"), body: [1, 2, 3])
          if other.response(1).body == [1, 2, 3] { answered += 1 }
        }
        withExtendedLifetime(slow) {}
        return answered
      }
      #expect(answered == 20)
    }
  }

  private static var threadCount: Int {
    guard let directory = opendir("/proc/self/task") else { return 0 }
    defer { closedir(directory) }
    var count = -2
    while readdir(directory) != nil { count += 1 }
    return count
  }
}

/// One slow peer: does its bit at each `dribble`.
private final class SlowPeer {
  private let slowness: SlowPeerTests.Slowness
  private let raw: RawPeer
  private let wire: any WirePeer
  private var rest: [UInt8] = []

  init(_ slowness: SlowPeerTests.Slowness, _ address: SocketAddress) throws {
    self.slowness = slowness
    switch slowness {
    case .silentBeforeTLS, .handshakeByByte:
      raw = try RawPeer(address)
      wire = raw
    default:
      let isHTTP1 = slowness.rawValue.hasPrefix("http1") || slowness == .idleWithBlankLines
      let peer = try TLSPeer(address, alpn: isHTTP1 ? "http/1.1" : "h2")
      raw = peer.raw
      wire = peer
    }
    begin()
  }

  private func begin() {
    switch slowness {
    case .silentBeforeTLS, .silentAfterTLS, .http1Silent, .idleWithBlankLines: break
    // the first bytes of a TLS record that promises 512 bytes of ClientHello
    case .handshakeByByte: rest = [22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3] + [UInt8](repeating: 1, count: 501)
    case .prefaceByByte: rest = HTTP2Peer.preface
    case .headersByByte:
      let frame = HTTP2Frame(
        kind: .headers, flags: 5, stream: 1,
        payload: HeaderBytes.request("GET", "/" + String(repeating: "a", count: 900)))
      _ = HTTP2Peer(wire)
      rest = frame.bytes
    case .bodyByByte: HTTP2Peer(wire).request(1, HeaderBytes.request("POST", "/"), ends: false)
    case .neverReads: HTTP2Peer(wire, settings: [(4, 0)]).request(1, HeaderBytes.request("GET", "/big"))
    case .readsByByte: HTTP2Peer(wire, settings: [(4, 1)]).request(1, HeaderBytes.request("GET", "/big"))
    case .http1HeadersByByte:
      rest = Array("GET / HTTP/1.1\r\nHost: h\r\nX: \(String(repeating: "a", count: 9000))".utf8)
    case .http1BodyByByte: wire.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9000\r\n\r\n")
    case .http1NeverReads: wire.send("GET /big HTTP/1.1\r\nHost: h\r\n\r\n")
    case .idleWithPings: _ = HTTP2Peer(wire)
    }
  }

  func dribble() {
    switch slowness {
    case .silentBeforeTLS, .silentAfterTLS, .http1Silent, .neverReads, .http1NeverReads: break
    case .handshakeByByte, .prefaceByByte, .headersByByte, .http1HeadersByByte:
      guard !rest.isEmpty else { return }
      wire.send([rest.removeFirst()])
    case .bodyByByte: wire.send(HTTP2Frame(kind: .data, stream: 1, payload: [1]).bytes)
    case .readsByByte:
      wire.send(HTTP2Frame(kind: .windowUpdate, stream: 1, payload: HTTP2Frame.number(1)).bytes)
    case .http1BodyByByte: wire.send([97])
    case .idleWithPings: wire.send(HTTP2Frame(kind: .ping, payload: [UInt8](repeating: 1, count: 8)).bytes)
    case .idleWithBlankLines: wire.send("\r\n")
    }
  }

  /// Whether the server has ended the connection.
  var hasEnded: Bool { raw.isClosed }
}
