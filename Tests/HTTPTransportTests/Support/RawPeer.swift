import Glibc
import HTTPTransport
import Testing

/// A blocking socket that sends what no library would. Its functions wait; call them by `BlockingThread`.
final class RawPeer: Sendable {
  let fd: Int32

  init(_ address: SocketAddress) throws {
    switch address {
    case .tcp(_, let port):
      fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
      var target = sockaddr_in()
      target.sin_family = sa_family_t(AF_INET)
      target.sin_port = port.bigEndian
      target.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
      try connect(&target)
    case .unix(let path):
      fd = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
      var target = sockaddr_un()
      target.sun_family = sa_family_t(AF_UNIX)
      withUnsafeMutableBytes(of: &target.sun_path) { $0.copyBytes(from: path.utf8) }
      try connect(&target)
    }
    // No test waits longer for a byte, whatever goes wrong.
    var limit = timeval(tv_sec: 10, tv_usec: 0)
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
  }

  deinit { close(fd) }

  private func connect<Address>(_ target: inout Address) throws {
    let fd = fd
    let result = withUnsafePointer(to: &target) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        Glibc.connect(fd, $0, socklen_t(MemoryLayout<Address>.size))
      }
    }
    guard result == 0 else { throw PeerFailure.connect }
  }

  func send(_ text: String) { send(Array(text.utf8)) }

  /// Sends as much as the peer takes.
  func send(_ bytes: [UInt8]) {
    var sent = 0
    while sent < bytes.count {
      let count = bytes.withUnsafeBytes {
        Glibc.send(fd, $0.baseAddress.map { $0 + sent }, bytes.count - sent, Int32(MSG_NOSIGNAL))
      }
      guard count > 0 else { return }
      sent += count
    }
  }

  func finishSending() { shutdown(fd, Int32(SHUT_WR)) }

  /// What the peer sends until it closes, or until `text` has come.
  func receive(until text: String? = nil) -> String { String(decoding: receiveBytes(until: text), as: UTF8.self) }

  func receiveBytes(until text: String? = nil) -> [UInt8] {
    var result: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65536)
    while true {
      if let text, String(decoding: result, as: UTF8.self).contains(text) { return result }
      let count = recv(fd, &buffer, buffer.count, 0)
      guard count > 0 else { return result }
      result += buffer[..<count]
    }
  }

  /// POLLRDHUP, which glibc shows to GNU programs only.
  private static let peerClosed: Int16 = 0x2000

  /// Whether the peer has closed or reset the connection. Nothing is read to find out.
  var isClosed: Bool {
    var state = pollfd(fd: fd, events: Self.peerClosed, revents: 0)
    poll(&state, 1, 0)
    return state.revents & (Self.peerClosed | Int16(POLLHUP) | Int16(POLLERR)) != 0
  }

  /// Whether the peer has closed or reset the connection, waiting for it.
  func waitForEnd() -> Bool {
    var buffer = [UInt8](repeating: 0, count: 65536)
    while true {
      let count = recv(fd, &buffer, buffer.count, 0)
      if count == 0 { return true }
      if count < 0 { return errno == ECONNRESET }
    }
  }
}
