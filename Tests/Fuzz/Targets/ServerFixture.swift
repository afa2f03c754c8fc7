import EventLoop

@testable import HTTPTransport

/// What a server's sessions need, without a socket.
enum ServerFixture {
  /// Small, so that the fuzzer reaches the limits.
  static let limits = {
    var limits = HTTPLimits()
    limits.maximumBodySize = 4096
    limits.maximumHeaderSize = 2048
    limits.maximumBufferedBodies = 16 << 10
    limits.maximumConcurrentStreams = 8
    return limits
  }()

  private static let loop = Result { () throws(SystemError) in try EventLoop(name: "fuzz") }

  static func context(acceptsSocketPathAuthority: Bool = false) -> ServerContext {
    guard case .success(let loop) = loop else { fatalError("no event loop") }
    var configuration = HTTPServerConfiguration(address: .unix(path: "/none"), limits: limits)
    configuration.acceptsSocketPathAuthority = acceptsSocketPathAuthority
    return ServerContext(configuration, loop: loop, handler: .inline(answer), grpc: [:])
  }

  /// Heeds every part of the request.
  @Sendable static func answer(_ request: HTTPRequest) -> HTTPResponse {
    require(request.body.count <= limits.maximumBodySize, "a body above the limit reached the handler")
    require(!request.method.isEmpty, "a request without a method reached the handler")
    return HTTPResponse(
      status: request.path == "/none" ? 204 : 200, headers: request.headers.filter { $0.name == "x-echo" },
      body: request.body)
  }
}

/// The connection that a session believes to be on.
final class FixtureHost: SessionHost {
  func sessionHasOutput() {}
}

extension ServerSession {
  /// Feeds the bytes in parts of `size`, as the time goes on, and takes what the session says, until it has no more
  /// to say.
  func play(_ bytes: ArraySlice<UInt8>, inPartsOf size: Int) -> [UInt8] {
    var output: [UInt8] = []
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 4 << 10, alignment: 16)
    defer { buffer.deallocate() }
    var rest = bytes
    var now = MonotonicInstant(nanoseconds: 1)
    while !rest.isEmpty, wantsInput {
      let part = Array(rest.prefix(size))
      rest = rest.dropFirst(size)
      let isSound = part.withUnsafeBytes { receive($0, at: now) }
      drainOutput(at: now, through: buffer, into: &output)
      if !isSound || isFinished { return output }
      now = now.advanced(by: .microseconds(10))
    }
    return output
  }

  /// Lets time pass until the session is over.
  func finish() {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 4 << 10, alignment: 16)
    defer { buffer.deallocate() }
    var output: [UInt8] = []
    var now = MonotonicInstant(nanoseconds: 1).advanced(by: .seconds(3600))
    for _ in 0..<2 {
      expire(at: now)
      drain()
      drainOutput(at: now, through: buffer, into: &output)
      now = now.advanced(by: .seconds(3600))
    }
    _ = peerEnded()
    connectionClosed()
  }

  private func drainOutput(
    at now: MonotonicInstant, through buffer: UnsafeMutableRawBufferPointer, into output: inout [UInt8]
  ) {
    while let count = produce(into: buffer, at: now), count > 0 {
      output += buffer[..<count]
      // Every response is bounded, and so is what a peer can ask for at once.
      require(output.count < 64 << 20, "the session does not stop speaking")
    }
  }
}
