/// Where a server listens or a client connects.
public enum SocketAddress: Sendable, Hashable, CustomStringConvertible {
  /// A TCP port of a host ("0.0.0.0", "::", "127.0.0.1", a name for clients); port 0 asks for a free one.
  case tcp(host: String, port: UInt16)
  /// A Unix socket.
  case unix(path: String)
  /// `host:port` (an IPv6 host in brackets) or `unix:path`.
  public var description: String {
    switch self {
    case .tcp(let host, let port): host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]:\(port)" : "\(host):\(port)"
    case .unix(let path): "unix:\(path)"
    }
  }
}
