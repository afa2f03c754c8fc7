import EventLoop
import HTTPTransport
import Testing

/// The server against programs that others wrote.
struct RealPeerTests {
  @Test(
    .enabled(if: PeerProcess.path(of: "curl") != nil, "curl is not installed"),
    arguments: [
      ["--http1.1"], ["--http2"], ["--http2", "--tls-max", "1.2"], ["--http1.1", "--tls-max", "1.2"],
    ])
  func curlOverTLS(options: [String]) async throws {
    let identity = try TestIdentity.make(commonName: "localhost")
    let authority = try ScratchFile(identity.certificateChainPEM)
    try await withServer(tls: identity) { server in
      let outcome = try await PeerProcess.run(
        "curl",
        options + [
          "-sS", "--cacert", authority.path, "--data", "hello", "-w", "%{http_version} %{http_code}",
          "https://localhost:\(server.address.port)/path?query",
        ])
      #expect(outcome.errors == "")
      #expect(outcome.output == "hello\(options[0] == "--http2" ? "2" : "1.1") 200")
    }
  }

  @Test(
    .enabled(if: PeerProcess.path(of: "curl") != nil, "curl is not installed"),
    arguments: [
      "--http2-prior-knowledge", "--http1.1",
    ])
  func curlInTheClearAndOverUnixSockets(version: String) async throws {
    for address in [SocketAddress.tcp(host: "127.0.0.1", port: 0), .scratchUnix()] {
      try await withServer(address: address) { server in
        var options = [version, "-sS", "--data-binary", "@-", "-H", "Transfer-Encoding: chunked"]
        if case .unix(let path) = server.address { options += ["--unix-socket", path] }
        let body = [UInt8](repeating: 97, count: 3_000_000)
        let outcome = try await PeerProcess.run(
          "curl", options + ["http://localhost:\(server.address.port)/"], input: body)
        #expect(outcome.errors == "")
        #expect(outcome.output.utf8.count == body.count)
      }
    }
  }

  @Test(.enabled(if: PeerProcess.path(of: "curl") != nil, "curl is not installed"))
  func oversizeBodiesGet413OnBothVersions() async throws {
    var limits = HTTPLimits()
    limits.maximumBodySize = 10_000
    try await withServer(limits: limits) { server in
      for version in ["--http1.1", "--http2-prior-knowledge"] {
        let outcome = try await PeerProcess.run(
          "curl",
          [version, "-sS", "--data-binary", "@-", "-w", "%{http_code}", "http://127.0.0.1:\(server.address.port)/"],
          input: [UInt8](repeating: 97, count: 3_000_000))
        #expect(outcome.output == "the body is larger than the limit of 10000 bytes\n413", "\(version)")
      }
    }
  }

  @Test(.enabled(if: PeerProcess.path(of: "h2load") != nil, "h2load is not installed"), arguments: [true, false])
  func h2load(isAsync: Bool) async throws {
    let handler = isAsync ? HTTPHandler.async { echo($0) } : .inline(echo)
    let identity = try TestIdentity.make(commonName: "localhost")
    let body = try ScratchFile([UInt8](repeating: 97, count: 12_000))
    try await withServer(tls: identity, handler: handler) { server in
      let outcome = try await PeerProcess.run(
        "h2load",
        ["-n", "3000", "-c", "10", "-m", "32", "-d", body.path, "https://127.0.0.1:\(server.address.port)/"])
      #expect(outcome.output.contains("3000 succeeded, 0 failed, 0 errored, 0 timeout"), "\(outcome.output)")
    }
  }

  @Test(
    .enabled(if: PeerProcess.path(of: "openssl") != nil, "openssl is not installed"),
    arguments: [
      ("-tls1_1", "h2", false), ("-tls1_2", "h2", true), ("-tls1_3", "http/1.1", true), ("-tls1_3", "spdy/3", false),
    ])
  func opensslAgreesOnVersionAndProtocol(version: String, alpn: String, succeeds: Bool) async throws {
    try await withServer(tls: try TestIdentity.make(commonName: "localhost")) { server in
      let outcome = try await PeerProcess.run(
        "openssl", ["s_client", "-connect", "127.0.0.1:\(server.address.port)", version, "-alpn", alpn])
      #expect(outcome.output.contains("ALPN protocol: \(alpn)") == succeeds, "\(outcome.output)")
    }
  }

  @Test func plainHTTPOnATLSPortIsToldSo() async throws {
    try await withServer(tls: try TestIdentity.make(commonName: "localhost")) { server in
      let address = server.address
      let answer = try await BlockingThread.result {
        let peer = try RawPeer(address)
        peer.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        return peer.receive()
      }
      #expect(answer.hasPrefix("HTTP/1.1 400 Bad Request"))
    }
  }
}
