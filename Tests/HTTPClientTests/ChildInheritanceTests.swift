import Glibc
import HTTPClient
import TestSupport
import Testing

/// What programs that this process starts see of its connections.
@Suite struct ChildInheritanceTests {
  @Test func aChildDoesNotHoldConnectionsThatWereOpenWhenItStarted() async throws {
    let server = try OneConnectionServer()
    let client = HTTPClient()
    async let connection = server.accept()
    let request = HTTPClientRequest(method: "GET", url: "http://127.0.0.1:\(server.port)/", timeout: .seconds(30))
    #expect(try await client.send(request).status == 200)
    let accepted = await connection
    // The connection is kept for the next request: it is open now.
    let child = try SleepingChild()
    defer { child.stop() }
    client.shutdown()
    #expect(await server.waitForEnd(of: accepted))
    #expect(child.isRunning)
  }
}

/// A program that inherits whatever it can and does nothing.
private struct SleepingChild {
  private let process: pid_t

  init() throws {
    var process = pid_t()
    var arguments: [UnsafeMutablePointer<CChar>?] = [strdup("sleep"), strdup("120"), nil]
    defer { arguments.forEach { free($0) } }
    try #require(posix_spawnp(&process, "sleep", nil, nil, &arguments, environ) == 0)
    self.process = process
  }

  var isRunning: Bool { waitpid(process, nil, WNOHANG) == 0 }

  func stop() {
    kill(process, SIGKILL)
    waitpid(process, nil, 0)
  }
}

/// Takes one connection, answers one request on it, and tells when the peer has closed it.
private final class OneConnectionServer: Sendable {
  let port: UInt16
  private let listener: Int32

  init() throws {
    listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let listener = listener
    let result = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(listener, $0, size) | listen(listener, 1) | getsockname(listener, $0, &size)
      }
    }
    try #require(result == 0)
    port = UInt16(bigEndian: address.sin_port)
  }

  deinit { close(listener) }

  func accept() async -> Int32 {
    await onThread { [listener] in
      let connection = Glibc.accept(listener, nil, nil)
      // Nothing here waits longer, whatever goes wrong.
      var limit = timeval(tv_sec: 20, tv_usec: 0)
      setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
      _ = fcntl(connection, F_SETFD, FD_CLOEXEC)
      var buffer = [UInt8](repeating: 0, count: 4096)
      var request: [UInt8] = []
      while !request.suffix(4).elementsEqual("\r\n\r\n".utf8) {
        let count = recv(connection, &buffer, buffer.count, 0)
        guard count > 0 else { return connection }
        request += buffer[..<count]
      }
      let answer = Array("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".utf8)
      send(connection, answer, answer.count, Int32(MSG_NOSIGNAL))
      return connection
    }
  }

  func waitForEnd(of connection: Int32) async -> Bool {
    await onThread {
      defer { close(connection) }
      var byte: UInt8 = 0
      return recv(connection, &byte, 1, 0) == 0
    }
  }

  private func onThread<Result: Sendable>(_ body: @escaping @Sendable () -> Result) async -> Result {
    await withCheckedContinuation { continuation in
      let work = Work { continuation.resume(returning: body()) }
      var thread = pthread_t()
      pthread_create(
        &thread, nil,
        { argument in
          if let argument { Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().body() }
          return nil
        }, Unmanaged.passRetained(work).toOpaque())
      pthread_detach(thread)
    }
  }

  private final class Work {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }
}
