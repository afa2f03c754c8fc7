import EventLoop
import Glibc
import HTTPTransport
import TestSupport
import Testing

/// Both sides against grpcio.
@Suite(.enabled(if: PythonInterpreter.importing("grpc") != nil, "no Python with grpcio: run hack/setup build"))
struct GRPCInteroperationTests {
  private static let client = """
    import grpc, sys
    channel = grpc.insecure_channel(sys.argv[1])
    call = lambda name, compression=None: channel.unary_unary("/test.Test/" + name)
    print(call("Echo")(b"hello") == b"hello")
    print(call("Echo")(b"x" * 3000000, compression=grpc.Compression.Gzip) == b"x" * 3000000)
    for name in ["Fail", "Nothing"]:
        try:
            call(name)(b"ab")
        except grpc.RpcError as error:
            print(error.code().value[0], error.details())
    try:
        call("Never")(b"", timeout=0.1)
    except grpc.RpcError as error:
        print(error.code().value[0])
    print([m[0] for m in channel.unary_stream("/test.Test/Count")(bytes([5]))])
    stream = channel.unary_stream("/test.Test/Flood")(b"")
    next(stream)
    stream.cancel()
    print(call("Echo")(b"again"))
    """

  @Test(arguments: [SocketAddress.tcp(host: "127.0.0.1", port: 0), .scratchUnix()])
  func thePythonClientCallsTheServer(address: SocketAddress) async throws {
    let python = try #require(PythonInterpreter.importing("grpc"))
    try await withServer(address: address, grpc: GRPCTests.methods) { server in
      let outcome = try await PeerProcess.run(python, ["-c", Self.client, server.address.description])
      #expect(
        outcome.output == """
          True
          True
          3 bad: 100% äö 2
          12 there is no method /test.Test/Nothing
          4
          [0, 1, 2, 3, 4]
          b'again'

          """, "\(outcome.errors)")
    }
  }

  private static let server = """
    import grpc, sys, time
    from concurrent import futures
    def fail(message, context):
        context.abort(grpc.StatusCode.INVALID_ARGUMENT, "bad: 100% äö")
    def count(message, context):
        for number in range(message[0]):
            yield bytes([number])
    handlers = {
        "Echo": grpc.unary_unary_rpc_method_handler(lambda m, c: m),
        "Fail": grpc.unary_unary_rpc_method_handler(fail),
        "Count": grpc.unary_stream_rpc_method_handler(count),
        "Never": grpc.unary_unary_rpc_method_handler(lambda m, c: time.sleep(2)),
    }
    server = grpc.server(futures.ThreadPoolExecutor(8), compression=grpc.Compression.Gzip)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.Test", handlers),))
    server.add_insecure_port(sys.argv[1])
    server.start()
    sys.stdin.read()
    """

  @Test func theClientCallsThePythonServer() async throws {
    let python = try #require(PythonInterpreter.importing("grpc"))
    let address = SocketAddress.scratchUnix()
    let loop = try EventLoop(name: "client")
    let peer = try RunningPeer(python, ["-c", Self.server, address.description])
    defer { peer.stop() }
    let client = GRPCClient(address: address, loop: loop)
    let compressing = GRPCClient(address: address, loop: loop, compressesMessages: true)
    try await waitUntilAnswering(client)
    let big = [UInt8](repeating: 7, count: 3_000_000)
    let answer1 = try await client.unary("/test.Test/Echo", big, timeout: .seconds(20))
    #expect(answer1 == big)
    let answer2 = try await compressing.unary("/test.Test/Echo", big, timeout: .seconds(20))
    #expect(answer2 == big)
    await #expect(throws: GRPCStatus(3, "bad: 100% äö")) {
      try await client.unary("/test.Test/Fail", [1], timeout: .seconds(20))
    }
    let missed = await #expect(throws: GRPCStatus.self) {
      try await client.unary("/test.Test/Never", [1], timeout: .milliseconds(100))
    }
    #expect(missed?.code == 4)
    var numbers: [UInt8] = []
    for try await message in client.serverStreaming("/test.Test/Count", [9]) { numbers += message }
    #expect(numbers == Array(0..<9))
    client.close()
    compressing.close()
    loop.shutdown()
  }

  private func waitUntilAnswering(_ client: GRPCClient) async throws {
    let deadline = ContinuousClock.now + .seconds(20)
    while ContinuousClock.now < deadline {
      if (try? await client.unary("/test.Test/Echo", [1], timeout: .seconds(5))) == [1] { return }
      try await Task.sleep(for: .milliseconds(20))
    }
    Issue.record("the Python server did not answer in time")
  }
}
