import EventLoop
import Glibc

/// An address as the kernel takes it.
struct ResolvedAddress: Sendable {
  let name: String
  let family: Int32
  private let storage: sockaddr_storage
  private let size: socklen_t

  init(unix path: String) throws(SystemError) {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let fits = withUnsafeMutableBytes(of: &address.sun_path) { place in
      guard path.utf8.count < place.count, !path.utf8.contains(0) else { return false }
      place.copyBytes(from: path.utf8)
      return true
    }
    guard fits else { throw SystemError("the socket path \(path) has more than 107 bytes", code: ENAMETOOLONG) }
    name = "unix:\(path)"
    family = AF_UNIX
    (storage, size) = withUnsafeBytes(of: &address) { Self.stored($0) }
  }

  private init(name: String, family: Int32, bytes: UnsafeRawBufferPointer) {
    self.name = name
    self.family = family
    (storage, size) = Self.stored(bytes)
  }

  private static func stored(_ bytes: UnsafeRawBufferPointer) -> (sockaddr_storage, socklen_t) {
    var storage = sockaddr_storage()
    let count = min(bytes.count, MemoryLayout<sockaddr_storage>.size)
    withUnsafeMutableBytes(of: &storage) { $0.copyBytes(from: bytes.prefix(count)) }
    return (storage, socklen_t(count))
  }

  /// The addresses of a host. Names that are no addresses ask DNS, which takes time: not on a loop's thread.
  static func resolve(host: String, port: UInt16, passive: Bool) throws(SystemError) -> [ResolvedAddress] {
    var hints = addrinfo()
    hints.ai_family = AF_UNSPEC
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    hints.ai_flags = AI_NUMERICSERV | (passive ? AI_PASSIVE : 0)
    var list: UnsafeMutablePointer<addrinfo>?
    let code = getaddrinfo(host, String(port), &hints, &list)
    defer { freeaddrinfo(list) }
    guard code == 0 else {
      let reason = String(cString: gai_strerror(code))
      throw SystemError("resolve \(host): \(reason)", code: code == EAI_SYSTEM ? errno : EHOSTUNREACH)
    }
    let name = SocketAddress.tcp(host: host, port: port).description
    var result: [ResolvedAddress] = []
    var next = list
    while let entry = next {
      let bytes = UnsafeRawBufferPointer(start: entry.pointee.ai_addr, count: Int(entry.pointee.ai_addrlen))
      result.append(ResolvedAddress(name: name, family: entry.pointee.ai_family, bytes: bytes))
      next = entry.pointee.ai_next
    }
    return result
  }

  func withSockaddr<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
    withUnsafePointer(to: storage) { $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, size) } }
  }
}
