/// A request as a server hands it to its handler, whole.
public struct HTTPRequest: Sendable {
  /// The method, in upper case.
  public var method: String
  /// The path without the query.
  public var path: String
  /// What follows `?`, undecoded; "" without one.
  public var query: String
  /// The body; what came as `content-encoding: gzip` has been expanded.
  public var body: [UInt8]
  /// Who sent it; nil unless the server's configuration asks for that.
  public var peer: RequestPeer?
  var block: HeaderBlock

  /// Makes a request.
  public init(
    method: String, path: String, query: String = "", headers: [(name: String, value: String)] = [], body: [UInt8] = []
  ) {
    self.init(method: method, path: path, query: query, block: HeaderBlock(headers), body: body)
  }

  init(method: String, path: String, query: String, block: HeaderBlock, body: [UInt8]) {
    self.method = method
    self.path = path
    self.query = query
    self.block = block
    self.body = body
  }

  /// The header fields, names in lower case, decoded at each access; HTTP/2's `:authority` appears as `host`.
  public var headers: [(name: String, value: String)] {
    get { block.fields }
    set { block = HeaderBlock(newValue) }
  }

  /// The first field of that (lower-case) name.
  public func header(_ name: String) -> String? { block.first(name) }
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
  /// In a task, cancelled when the peer leaves; the connection goes on serving meanwhile.
  case async(@Sendable (HTTPRequest) async -> HTTPResponse)
}

/// A request that is answered without asking the handler: over a limit, malformed, or not supported.
struct HTTPRefusal: Error, Equatable {
  var status: Int
  var reason: String

  init(_ status: Int, _ reason: String) {
    self.status = status
    self.reason = reason
  }

  var response: HTTPResponse {
    HTTPResponse(status: status, contentType: "text/plain; charset=utf-8", body: Array((reason + "\n").utf8))
  }

  static func bodyTooLarge(_ limit: Int) -> HTTPRefusal {
    HTTPRefusal(413, "the body is larger than the limit of \(limit) bytes")
  }
  static func headerTooLarge(_ limit: Int) -> HTTPRefusal {
    HTTPRefusal(431, "the header fields are larger than the limit of \(limit) bytes")
  }
  static let busy = HTTPRefusal(503, "too many request bodies are in memory; try again")
  static let tooSlow = HTTPRefusal(408, "the request did not arrive in time")
}
