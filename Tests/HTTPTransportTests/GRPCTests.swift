import Concurrency
import EventLoop
import Glibc
import HTTPTransport
import Testing

/// The client against the server, both of this project.
struct GRPCTests {
  static let methods: [String: GRPCMethod] = [
    "/test.Test/Echo": .unary { (message) async throws(GRPCStatus) in message },
    "/test.Test/Fail": .unary { (message) async throws(GRPCStatus) in
      throw GRPCStatus(3, "bad: 100% äö \(message.count)")
    },
    "/test.Test/Never": .unary { (message) async throws(GRPCStatus) in
      try? await Task.sleep(for: .seconds(60))
      return message
    },
    "/test.Test/Count": .serverStreaming { (message, writer) async throws(GRPCStatus) in
      for number in 0..<(message.first ?? 0) { try await writer.write([number]) }
    },
    "/test.Test/Flood": .serverStreaming { (message, writer) async throws(GRPCStatus) in
      let block = [UInt8](repeating: 1, count: 100_000)
      while true { try await writer.write(block) }
    },
  ]

  private func withClient(
    _ address: SocketAddress? = nil, compressesMessages: Bool = false,
    _ body: (GRPCClient, HTTPServer) async throws -> Void
  ) async throws {
    try await withServer(address: address ?? .tcp(host: "127.0.0.1", port: 0), grpc: Self.methods) { server in
      let loop = try EventLoop(name: "client")
      let client = GRPCClient(address: server.address, loop: loop, compressesMessages: compressesMessages)
      try await body(client, server)
      client.close()
      loop.shutdown()
    }
  }

  @Test(arguments: [false, true])
  func unaryCallsOverTCPAndUnixSockets(compressed: Bool) async throws {
    for address in [SocketAddress.tcp(host: "127.0.0.1", port: 0), .scratchUnix()] {
      try await withClient(address, compressesMessages: compressed) { client, _ in
        for message in [[], [1, 2, 3], [UInt8](repeating: 9, count: 5_000_000)] {
          let answer1 = try await client.unary("/test.Test/Echo", message, timeout: .seconds(20))
          #expect(answer1 == message)
        }
      }
    }
  }

  @Test func manyCallsAtOnceGetTheirOwnAnswers() async throws {
    try await withClient { client, _ in
      let answers = try await withThrowingTaskGroup(of: Bool.self) { group in
        for number in 0..<500 {
          group.addTask {
            let message = [UInt8(truncatingIfNeeded: number), UInt8(number / 256)]
            return try await client.unary("/test.Test/Echo", message, timeout: .seconds(20)) == message
          }
        }
        return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
      }
      #expect(answers == 500)
    }
  }

  @Test func failuresCarryCodeAndMessage() async throws {
    try await withClient { client, _ in
      await #expect(throws: GRPCStatus(3, "bad: 100% äö 2")) {
        try await client.unary("/test.Test/Fail", [1, 2], timeout: .seconds(20))
      }
      await #expect(throws: GRPCStatus(12, "there is no method /test.Test/Nothing")) {
        try await client.unary("/test.Test/Nothing", [], timeout: .seconds(20))
      }
    }
  }

  @Test func aMissedDeadlineIsCode4() async throws {
    try await withClient { client, _ in
      let status = await #expect(throws: GRPCStatus.self) {
        try await client.unary("/test.Test/Never", [], timeout: .milliseconds(50))
      }
      #expect(status?.code == 4)
      let answer2 = try await client.unary("/test.Test/Echo", [1], timeout: .seconds(20))
      #expect(answer2 == [1])
    }
  }

  @Test func aCancelledTaskCancelsItsCall() async throws {
    let entered = AsyncStream.makeStream(of: Void.self)
    let left = AsyncStream.makeStream(of: Bool.self)
    let method = GRPCMethod.unary { (message) async throws(GRPCStatus) in
      entered.continuation.yield()
      try? await Task.sleep(for: .seconds(60))
      left.continuation.yield(Task.isCancelled)
      return message
    }
    try await withServer(grpc: ["/t/Wait": method]) { server in
      let loop = try EventLoop(name: "client")
      let client = GRPCClient(address: server.address, loop: loop)
      let task = Task { () -> GRPCStatus? in
        do throws(GRPCStatus) {
          _ = try await client.unary("/t/Wait", [], timeout: .seconds(60))
          return nil
        } catch {
          return error
        }
      }
      _ = await entered.stream.first { true }
      task.cancel()
      #expect(await task.value?.code == 1)
      #expect(await left.stream.first { _ in true } == true)
      client.close()
      loop.shutdown()
    }
  }

  @Test func streamsGiveTheirMessagesInOrder() async throws {
    try await withClient { client, _ in
      var numbers: [UInt8] = []
      for try await message in client.serverStreaming("/test.Test/Count", [200]) { numbers += message }
      #expect(numbers == Array(0..<200))
      await #expect(throws: GRPCStatus(12, "there is no method /test.Test/Nothing")) {
        for try await _ in client.serverStreaming("/test.Test/Nothing", []) {}
      }
    }
  }

  /// Writes until the peer leaves, then says with which code that was noticed.
  private func flood(_ ended: AsyncStream<Int>.Continuation) -> GRPCMethod {
    .serverStreaming { (_, writer) async throws(GRPCStatus) in
      do throws(GRPCStatus) {
        while true { try await writer.write([UInt8](repeating: 1, count: 1000)) }
      } catch {
        ended.yield(error.code)
        throw error
      }
    }
  }

  @Test func aReaderThatLeavesEndsTheStreamOnTheServer() async throws {
    let ended = AsyncStream.makeStream(of: Int.self)
    try await withServer(grpc: ["/t/Flood": flood(ended.continuation)]) { server in
      let loop = try EventLoop(name: "client")
      let client = GRPCClient(address: server.address, loop: loop)
      for try await _ in client.serverStreaming("/t/Flood", []) { break }
      #expect(await ended.stream.first { _ in true } == 1)
      client.close()
      loop.shutdown()
    }
  }

  @Test func aReaderThatDoesNotReadFailsInsteadOfFillingMemory() async throws {
    let ended = AsyncStream.makeStream(of: Int.self)
    try await withServer(grpc: ["/t/Flood": flood(ended.continuation)]) { server in
      let loop = try EventLoop(name: "client")
      let client = GRPCClient(address: server.address, loop: loop)
      let messages = client.serverStreaming("/t/Flood", [])
      #expect(await ended.stream.first { _ in true } == 1)
      let status = await #expect(throws: GRPCStatus.self) { for try await _ in messages {} }
      #expect(status?.code == 8)
      client.close()
      loop.shutdown()
    }
  }

  @Test func bothSidesKnowWhoTheOtherIs() async throws {
    let method = GRPCMethod.serverStreaming { (_, writer) async throws(GRPCStatus) in
      try await writer.write(Array("\(writer.peer.map { "\($0)" } ?? "nobody")".utf8))
    }
    let this = RequestPeer.process(pid: getpid(), uid: getuid())
    for (address, isAsked, peer, reader) in [
      (SocketAddress.scratchUnix(), true, this, "\(this)"), (.scratchUnix(), false, this, "nobody"),
      (.tcp(host: "127.0.0.1", port: 0), true, .address("127.0.0.1"), "\(RequestPeer.address("127.0.0.1"))"),
    ] {
      try await withServer(address: address, identifiesPeers: isAsked, grpc: ["/t/Who": method]) { server in
        let loop = try EventLoop(name: "client")
        let client = GRPCClient(address: server.address, loop: loop)
        #expect(await client.peer == nil)
        var names: [String] = []
        for try await name in client.serverStreaming("/t/Who", []) {
          names.append(String(decoding: name, as: UTF8.self))
        }
        #expect(names == [reader])
        #expect(await client.peer == peer)
        client.close()
        loop.shutdown()
      }
    }
    #expect(this.processID == getpid())
    #expect(RequestPeer.process(pid: 0, uid: 0).processID == nil)
    #expect(RequestPeer.address("::1").processID == nil)
  }

  @Test func theClientComesBackAfterTheServer() async throws {
    let address = SocketAddress.scratchUnix()
    let loop = try EventLoop(name: "client")
    let client = GRPCClient(address: address, loop: loop)
    let missing = await #expect(throws: GRPCStatus.self) {
      try await client.unary("/test.Test/Echo", [1], timeout: .seconds(20))
    }
    #expect(missing?.code == 14)
    for _ in 0..<2 {
      try await withServer(address: address, grpc: Self.methods) { _ in
        let answer3 = try await client.unary("/test.Test/Echo", [1], timeout: .seconds(20))
        #expect(answer3 == [1])
      }
    }
    client.close()
    await #expect(throws: GRPCStatus.self) { try await client.unary("/test.Test/Echo", [1], timeout: .seconds(20)) }
    loop.shutdown()
  }

  @Test func tlsVerifiesTheServer() async throws {
    let identity = try TestIdentity.make(commonName: "localhost")
    try await withServer(tls: identity, grpc: Self.methods) { server in
      let loop = try EventLoop(name: "client")
      let trusting = TLSClientConfiguration(caPEM: identity.certificateChainPEM)
      let good = GRPCClient(address: server.address, loop: loop, tls: trusting)
      let answer4 = try await good.unary("/test.Test/Echo", [1], timeout: .seconds(20))
      #expect(answer4 == [1])
      var otherName = trusting
      otherName.serverName = "other.example"
      for configuration in [TLSClientConfiguration(), otherName] {
        let bad = GRPCClient(address: server.address, loop: loop, tls: configuration)
        let status = await #expect(throws: GRPCStatus.self) {
          try await bad.unary("/test.Test/Echo", [1], timeout: .seconds(20))
        }
        #expect(status?.code == 14)
        bad.close()
      }
      var careless = TLSClientConfiguration()
      careless.skipsVerification = true
      let accepting = GRPCClient(address: server.address, loop: loop, tls: careless)
      let answer5 = try await accepting.unary("/test.Test/Echo", [1], timeout: .seconds(20))
      #expect(answer5 == [1])
      accepting.close()
      good.close()
      loop.shutdown()
    }
  }

  @Test func aSilentServerIsGivenUp() async throws {
    // It accepts and never says a word.
    var limits = HTTPLimits()
    limits.requestTimeout = .seconds(60)
    try await withServer(limits: limits, grpc: Self.methods) { server in
      let loop = try EventLoop(name: "client")
      // TLS towards a server in the clear that waits for a preface.
      let client = GRPCClient(
        address: server.address, loop: loop, tls: TLSClientConfiguration())
      let status = await #expect(throws: GRPCStatus.self) {
        try await client.unary("/test.Test/Echo", [1], timeout: .seconds(20))
      }
      #expect(status?.code == 14)
      client.close()
      loop.shutdown()
    }
  }
}
