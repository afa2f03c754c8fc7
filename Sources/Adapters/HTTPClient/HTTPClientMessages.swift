/// A request for the libcurl client.
public struct HTTPClientRequest: Sendable {
  /// The method.
  public var method: String
  /// The whole URL, `http` or `https`.
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
  /// The first field of that (lower-case) name.
  public func header(_ name: String) -> String? { headers.first { $0.name == name }?.value }
}

/// A transfer that failed below HTTP.
public struct HTTPClientError: Error, Sendable, Equatable, CustomStringConvertible {
  /// libcurl's code (libcurl-errors(3)).
  public var code: Int
  /// What failed.
  public var description: String
  /// Makes the error.
  public init(code: Int, _ description: String) {
    self.code = code
    self.description = description
  }
  /// The waiting task was cancelled, or the client shut down.
  public var isCancellation: Bool { code == CurlCode.aborted }
  /// The time of the request ran out, or a stream was silent for too long.
  public var isTimeout: Bool { code == CurlCode.timedOut }
  /// No connection came about: nothing of the request reached a server.
  public var isConnectionFailure: Bool {
    [CurlCode.unresolved, CurlCode.proxyUnresolved, CurlCode.refused].contains(code)
  }
  /// A connection that was there ended before the whole answer was in.
  public var isBroken: Bool { CurlCode.broken.contains(code) }
}

/// Whom the client trusts and who it is.
public struct HTTPClientTLS: Sendable, Equatable {
  /// The certificate authorities, PEM; nil for the system's.
  public var certificateAuthorityPEM: [UInt8]?
  /// The client certificate and the chain after it, PEM.
  public var clientCertificatePEM: [UInt8]?
  /// The key of the client certificate, PEM.
  public var clientKeyPEM: [UInt8]?
  /// The name that the server's certificate is checked for, where that is not the URL's host.
  public var serverName: String?
  /// Leaves the server unverified; only where the user's configuration asks for it.
  public var skipsVerification = false
  /// The system's authorities and no client certificate.
  public init() {}
}
