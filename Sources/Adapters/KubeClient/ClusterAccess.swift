import HTTPClient

/// Where an API server is, whom to trust there and who we are.
public struct ClusterAccess: Sendable {
  /// The address, such as "https://10.0.0.1:6443", without a slash at its end.
  public var server: String
  /// The authorities to trust and the client certificate.
  public var tls: HTTPClientTLS
  /// What the `Authorization` field is made from.
  public var credential: Credential
  /// Header fields of every request (impersonation).
  public var headers: [(name: String, value: String)] = []
  /// The namespace of the context or of the pod.
  public var namespace: String
  /// Where all this was read, for messages: "context dev of /home/me/.kube/config".
  public var origin: String
  /// The file of the authorities where it may be replaced while we run (a pod's service account).
  public var certificateAuthorityFile: String?

  /// Makes an access.
  public init(
    server: String, tls: HTTPClientTLS = HTTPClientTLS(), credential: Credential = .none,
    namespace: String = "default", origin: String
  ) {
    var server = server
    while server.hasSuffix("/") { server.removeLast() }
    self.server = server
    self.tls = tls
    self.credential = credential
    self.namespace = namespace
    self.origin = origin
  }

  /// What proves who we are, beside a client certificate.
  public enum Credential: Sendable, Equatable {
    case none
    case token(String)
    /// A file with a token, read again when it changes.
    case tokenFile(String)
    case basic(user: String, password: String)
    case exec(ExecPlugin)
  }
}
