import HTTPTransport

/// Addresses as the configuration writes them.
enum ListenAddress {
  /// `host:port`, `:port` for all interfaces, `[::1]:port`, or `unix:///path`. Nil where the text is none of them.
  static func parse(_ text: String) -> SocketAddress? {
    for prefix in ["unix://", "unix:"] where text.hasPrefix(prefix) {
      let path = String(text.dropFirst(prefix.count))
      return path.hasPrefix("/") ? .unix(path: path) : nil
    }
    guard let (host, port) = hostAndPort(text) else { return nil }
    return .tcp(host: host.isEmpty ? "0.0.0.0" : host, port: port)
  }

  /// The two parts of `host:port`, the host without brackets.
  static func hostAndPort(_ text: String) -> (host: String, port: UInt16)? {
    guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else { return nil }
    var host = text[..<colon]
    if host.hasPrefix("["), host.hasSuffix("]") {
      host = host.dropFirst().dropLast()
    } else if host.contains(":") {
      return nil
    }
    guard host.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "/") }) else { return nil }
    return (String(host), port)
  }
}

extension Settings {
  /// An address to listen on.
  func listenAddress(_ key: String, default fallback: String) -> SocketAddress {
    let text = string(key) ?? fallback
    guard let address = ListenAddress.parse(text) else {
      problem(key, "\"\(text)\" is no address; write host:port such as 0.0.0.0:4317")
      return .tcp(host: "localhost", port: 0)
    }
    return address
  }
}
