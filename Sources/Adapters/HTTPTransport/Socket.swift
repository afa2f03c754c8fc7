import CShims
import EventLoop
import Glibc

/// Sockets as the transport wants them: non-blocking, closed on exec.
enum Socket {
  /// Binds and listens; gives the descriptor and the address with the port that the system chose.
  static func listen(at address: SocketAddress) throws(SystemError) -> (fd: Int32, bound: SocketAddress) {
    switch address {
    case .unix(let path): (try listen(unix: path), address)
    case .tcp(let host, let port): try listen(host: host, port: port)
    }
  }

  /// Takes a waiting connection; -1 and errno when there is none.
  static func accept(_ fd: Int32) -> Int32 { shim_accept(fd) }

  /// Starts to connect to a resolved address; the descriptor is writable once that is done or has failed.
  static func startConnecting(to target: ResolvedAddress) throws(SystemError) -> Int32 {
    let fd = shim_stream_socket(target.family)
    guard fd >= 0 else { throw SystemError("socket", code: errno) }
    if target.family != AF_UNIX { tune(fd) }
    let result = target.withSockaddr { connect(fd, $0, $1) }
    // A Unix socket whose backlog is full says EAGAIN instead of EINPROGRESS: that is a failure.
    if result != 0, errno != EINPROGRESS {
      let code = errno
      close(fd)
      throw SystemError("connect to \(target.name)", code: code)
    }
    return fd
  }

  /// What became of a connection attempt: 0 or an errno.
  static func pendingError(_ fd: Int32) -> Int32 {
    var code: Int32 = 0
    var size = socklen_t(MemoryLayout<Int32>.size)
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &size) == 0 ? code : errno
  }

  /// No delay for small writes; peers that have silently gone are noticed within two minutes.
  static func tune(_ fd: Int32) {
    let tcp = Int32(IPPROTO_TCP)
    set(fd, tcp, TCP_NODELAY, 1)
    set(fd, SOL_SOCKET, SO_KEEPALIVE, 1)
    set(fd, tcp, TCP_KEEPIDLE, 60)
    set(fd, tcp, TCP_KEEPINTVL, 15)
    set(fd, tcp, TCP_KEEPCNT, 4)
    set(fd, tcp, TCP_USER_TIMEOUT, 120_000)
    // What a slow peer does not take waits here, bounded and shared, and not in megabytes of the kernel's.
    set(fd, tcp, TCP_NOTSENT_LOWAT, 64 << 10)
  }

  private static func set(_ fd: Int32, _ level: Int32, _ option: Int32, _ value: Int32) {
    var value = value
    setsockopt(fd, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
  }

  private static func listen(unix path: String) throws(SystemError) -> Int32 {
    let target = try ResolvedAddress(unix: path)
    var information = stat()
    // What another process left behind would keep us from binding; anything but a socket is not ours to remove.
    if lstat(path, &information) == 0, information.st_mode & S_IFMT == S_IFSOCK { unlink(path) }
    return try listen(on: target)
  }

  private static func listen(host: String, port: UInt16) throws(SystemError) -> (fd: Int32, bound: SocketAddress) {
    let targets = try ResolvedAddress.resolve(host: host, port: port, passive: true)
    guard let target = targets.first else { throw SystemError("resolve \(host)", code: EADDRNOTAVAIL) }
    let fd = try listen(on: target)
    return (fd, .tcp(host: host, port: boundPort(fd)))
  }

  private static func listen(on target: ResolvedAddress) throws(SystemError) -> Int32 {
    let fd = shim_stream_socket(target.family)
    guard fd >= 0 else { throw SystemError("socket", code: errno) }
    if target.family != AF_UNIX { set(fd, SOL_SOCKET, SO_REUSEADDR, 1) }
    guard target.withSockaddr({ bind(fd, $0, $1) }) == 0, Glibc.listen(fd, 1024) == 0 else {
      let code = errno
      close(fd)
      throw SystemError("listen on \(target.name)", code: code)
    }
    return fd
  }

  private static func boundPort(_ fd: Int32) -> UInt16 {
    var storage = sockaddr_storage()
    var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
    return withUnsafeMutableBytes(of: &storage) { bytes in
      guard let start = bytes.baseAddress, getsockname(fd, start.assumingMemoryBound(to: sockaddr.self), &size) == 0
      else { return 0 }
      // sin_port and sin6_port stand at the same place.
      return UInt16(bytes[2]) << 8 | UInt16(bytes[3])
    }
  }
}
