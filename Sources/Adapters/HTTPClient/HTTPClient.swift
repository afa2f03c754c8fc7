// CONTRACT, to be implemented by the owner of this target.

/// A request for the libcurl client.
public struct HTTPClientRequest: Sendable {
  /// The method.
  public var method: String
  /// The whole URL.
  public var url: String
  /// The header fields.
  public var headers: [(name: String, value: String)]
  /// The body.
  public var body: [UInt8]?
  /// How long it may take in all; nil for streams.
  public var timeout: Duration?
  /// Makes a request.
  public init(
    method: String, url: String, headers: [(name: String, value: String)] = [], body: [UInt8]? = nil,
    timeout: Duration? = .seconds(30)
  ) {
    self.method = method
    self.url = url
    self.headers = headers
    self.body = body
    self.timeout = timeout
  }
}

/// What the server answered.
public struct HTTPClientResponse: Sendable {
  /// The status code.
  public var status: Int
  /// The header fields, names in lower case.
  public var headers: [(name: String, value: String)]
  /// The body.
  public var body: [UInt8]
  /// Makes a response.
  public init(status: Int, headers: [(name: String, value: String)] = [], body: [UInt8] = []) {
    self.status = status
    self.headers = headers
    self.body = body
  }
}

/// A transfer that failed below HTTP.
public struct HTTPClientError: Error, Sendable, CustomStringConvertible {
  /// libcurl's code.
  public var code: Int
  /// What failed.
  public var description: String
  /// Makes the error.
  public init(code: Int, _ description: String) {
    self.code = code
    self.description = description
  }
}

/// Whom the client trusts and who it is.
public struct HTTPClientTLS: Sendable, Equatable {
  /// The certificate authorities, PEM; nil for the system's.
  public var certificateAuthorityPEM: [UInt8]?
  /// The client certificate and key, PEM.
  public var clientCertificatePEM: [UInt8]?
  /// The key of the client certificate, PEM.
  public var clientKeyPEM: [UInt8]?
  /// Leaves the server unverified; only where the user's configuration asks for it.
  public var skipsVerification = false
  /// The system's authorities and no client certificate.
  public init() {}
}

/// libcurl's multi interface on a thread of its own, under async functions.
public final class HTTPClient: Sendable {
  /// Starts the thread.
  public init(tls: HTTPClientTLS = HTTPClientTLS()) {}
  /// Sends a request and waits for the whole answer, of at most `limit` bytes.
  public func send(_ request: HTTPClientRequest, limit: Int = 256 << 20) async throws(HTTPClientError)
    -> HTTPClientResponse
  {
    throw HTTPClientError(code: 0, "not here yet")
  }
  /// Sends a request and hands the body on as it comes; a stream that is silent for `idleTimeout` fails.
  /// The head comes first; the stream is empty-bodied on failure statuses but for the error text.
  public func stream(_ request: HTTPClientRequest, idleTimeout: Duration) async throws(HTTPClientError)
    -> HTTPClientStream
  {
    throw HTTPClientError(code: 0, "not here yet")
  }
  /// Replaces trust and identity for transfers that start from now on.
  public func replaceTLS(_ tls: HTTPClientTLS) {}
  /// Ends the thread.
  public func shutdown() {}
}

/// A response whose body is still coming.
public struct HTTPClientStream: Sendable {
  /// The status code.
  public var status: Int
  /// The body in chunks as they came (a chunk is not a line).
  public var chunks: AsyncThrowingStream<[UInt8], any Error>
}
