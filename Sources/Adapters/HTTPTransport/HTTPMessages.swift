// CONTRACT, to be implemented by the owner of this target.

/// A request as a server hands it to its handler, whole.
public struct HTTPRequest: Sendable {
  /// The method, in upper case.
  public var method: String
  /// The path without the query.
  public var path: String
  /// What follows `?`, undecoded; "" without one.
  public var query: String
  /// The header fields, names in lower case.
  public var headers: [(name: String, value: String)]
  /// The body.
  public var body: [UInt8]
  /// Makes a request.
  public init(
    method: String, path: String, query: String = "", headers: [(name: String, value: String)] = [], body: [UInt8] = []
  ) {
    self.method = method
    self.path = path
    self.query = query
    self.headers = headers
    self.body = body
  }
  /// The first field of that (lower-case) name.
  public func header(_ name: String) -> String? { headers.first { $0.name == name }?.value }
}

/// What a handler answers.
public struct HTTPResponse: Sendable {
  /// The status code.
  public var status: Int
  /// The header fields beside `content-type` and `content-length`, names in lower case.
  public var headers: [(name: String, value: String)]
  /// The media type of the body.
  public var contentType: String
  /// The body.
  public var body: [UInt8]
  /// Makes a response.
  public init(
    status: Int, contentType: String = "application/json", headers: [(name: String, value: String)] = [],
    body: [UInt8] = []
  ) {
    self.status = status
    self.contentType = contentType
    self.headers = headers
    self.body = body
  }
}

/// How a server's requests are answered.
public enum HTTPHandler: Sendable {
  /// On the loop's thread at once: for handlers that compute and never wait.
  case inline(@Sendable (HTTPRequest) -> HTTPResponse)
  /// In a task; the connection goes on serving meanwhile.
  case async(@Sendable (HTTPRequest) async -> HTTPResponse)
}

/// Where a server listens or a client connects.
public enum SocketAddress: Sendable, Hashable, CustomStringConvertible {
  /// A TCP port of a host ("0.0.0.0", "::", "127.0.0.1", a name for clients); port 0 asks for a free one.
  case tcp(host: String, port: UInt16)
  /// A Unix socket.
  case unix(path: String)
  /// `host:port` or `unix:path`.
  public var description: String {
    switch self {
    case .tcp(let host, let port): "\(host):\(port)"
    case .unix(let path): "unix:\(path)"
    }
  }
}
