import CShims
import Glibc

/// Who is at the other end of a connection, as the kernel knows it and not as the peer says.
public enum RequestPeer: Sendable, Hashable {
  /// The process that connected to a Unix socket, or that began to listen at it where the connection is a client's, by
  /// its id here; 0 where it is in a namespace that we do not see.
  case process(pid: Int32, uid: UInt32)
  /// The numeric address that a TCP connection comes from; IPv4 also where it came through an IPv6 socket.
  case address(String)

  /// The process's id; nil where it cannot be seen from here, and of peers that are no processes.
  public var processID: Int32? {
    guard case .process(let pid, _) = self, pid > 0 else { return nil }
    return pid
  }

  /// Asks the kernel; nil where it does not say.
  init?(of descriptor: Int32) {
    var storage = sockaddr_storage()
    var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let known = withUnsafeMutablePointer(to: &storage) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getpeername(descriptor, $0, &size) }
    }
    guard known == 0 else { return nil }
    if Int32(storage.ss_family) == AF_UNIX {
      var pid: pid_t = 0
      var uid: uid_t = 0
      guard shim_peer_credentials(descriptor, &pid, &uid) == 0 else { return nil }
      self = .process(pid: pid, uid: uid)
      return
    }
    guard let text = Self.numericHost(storage, size) else { return nil }
    let mapped = "::ffff:"
    self = .address(text.hasPrefix(mapped) ? String(text.dropFirst(mapped.count)) : text)
  }

  private static func numericHost(_ storage: sockaddr_storage, _ size: socklen_t) -> String? {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(NI_MAXHOST)) { buffer -> String? in
      let code = withUnsafePointer(to: storage) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          getnameinfo($0, size, buffer.baseAddress, socklen_t(buffer.count), nil, 0, NI_NUMERICHOST)
        }
      }
      guard code == 0, let start = buffer.baseAddress else { return nil }
      return String(cString: start)
    }
  }
}
