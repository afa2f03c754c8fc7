import COpenSSL
import CShims
import Glibc

/// What TLS connections are made from: protocol versions, ciphers, identity, trust. Connections keep theirs, so that
/// another context can be used for new ones at any time.
final class TLSContext: @unchecked Sendable {
  // Unchecked: a context is not changed once it is made, and OpenSSL counts its references atomically.
  let raw: OpaquePointer

  deinit { SSL_CTX_free(raw) }

  private init(_ raw: OpaquePointer) { self.raw = raw }

  /// TLS 1.2 and 1.3 with forward secrecy only (RFC 9113 section 9.2.2 forbids the rest for HTTP/2).
  private static func make(_ method: OpaquePointer?) throws(TLSError) -> TLSContext {
    ERR_clear_error()
    guard let raw = SSL_CTX_new(method) else { throw TLSError("cannot make a TLS context") }
    let context = TLSContext(raw)
    guard shim_SSL_CTX_set_min_proto_version(raw, TLS1_2_VERSION) == 1,
      SSL_CTX_set_cipher_list(raw, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1
    else { throw TLSError("cannot choose TLS versions and ciphers") }
    _ = shim_SSL_CTX_set_mode(
      raw, Int(SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS))
    _ = SSL_CTX_set_options(
      raw, shim_SSL_OP_NO_RENEGOTIATION | shim_SSL_OP_NO_COMPRESSION | shim_SSL_OP_IGNORE_UNEXPECTED_EOF)
    return context
  }

  /// A server's context, offering HTTP/2 and HTTP/1.1.
  static func server(_ identity: TLSIdentity) throws(TLSError) -> TLSContext {
    let context = try make(TLS_server_method())
    // Without the session cache nothing is kept per client; tickets resume sessions all the same.
    _ = shim_SSL_CTX_set_session_cache_mode(context.raw, Int(SSL_SESS_CACHE_OFF))
    // Whatever the machine's own configuration allows: no SHA-1, no key below 112 bits of strength; and no exchange on
    // finite fields, which costs a server far more than a client.
    SSL_CTX_set_security_level(context.raw, 2)
    guard shim_SSL_CTX_set1_groups_list(context.raw, "X25519:P-256:P-384") == 1 else {
      throw TLSError("cannot choose key exchanges")
    }
    // 128 bits first, as Go's servers have it: 256 cost two fifths more for each byte and guard against nothing that
    // the key exchange withstands.
    let suites = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
    guard SSL_CTX_set_ciphersuites(context.raw, suites) == 1 else { throw TLSError("cannot choose ciphers") }
    _ = SSL_CTX_set_options(context.raw, shim_SSL_OP_CIPHER_SERVER_PREFERENCE | shim_SSL_OP_PRIORITIZE_CHACHA)
    try context.use(identity)
    SSL_CTX_set_alpn_select_cb(context.raw, selectProtocol, nil)
    return context
  }

  /// A client's context, offering HTTP/2. `caPEM` nil trusts the system's authorities.
  static func client(_ tls: TLSClientConfiguration) throws(TLSError) -> TLSContext {
    let context = try make(TLS_client_method())
    if let identity = tls.identity { try context.use(identity) }
    try context.trust(tls.caPEM)
    SSL_CTX_set_verify(context.raw, tls.skipsVerification ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, nil)
    // This function alone of its kind returns 0 for success.
    guard SSL_CTX_set_alpn_protos(context.raw, [2, 0x68, 0x32], 3) == 0 else {
      throw TLSError("cannot offer HTTP/2")
    }
    return context
  }

  private func use(_ identity: TLSIdentity) throws(TLSError) {
    let chain = try Self.certificates(identity.certificateChainPEM)
    defer { for certificate in chain { X509_free(certificate) } }
    guard let leaf = chain.first else { throw TLSError("the certificate chain holds no certificate") }
    guard SSL_CTX_use_certificate(raw, leaf) == 1 else { throw TLSError("the certificate cannot be used") }
    for issuer in chain.dropFirst() {
      X509_up_ref(issuer)
      guard shim_SSL_CTX_add_extra_chain_cert(raw, issuer) == 1 else {
        X509_free(issuer)
        throw TLSError("an issuer of the certificate chain cannot be used")
      }
    }
    guard let key = Self.withBIO(identity.privateKeyPEM, { PEM_read_bio_PrivateKey($0, nil, nil, nil) }) else {
      throw TLSError("the private key is not a PEM key")
    }
    defer { EVP_PKEY_free(key) }
    guard SSL_CTX_use_PrivateKey(raw, key) == 1, SSL_CTX_check_private_key(raw) == 1 else {
      throw TLSError("the private key does not belong to the certificate")
    }
  }

  private func trust(_ caPEM: [UInt8]?) throws(TLSError) {
    guard let caPEM else {
      guard SSL_CTX_set_default_verify_paths(raw) == 1 else { throw TLSError("the system's authorities are missing") }
      return
    }
    let authorities = try Self.certificates(caPEM)
    defer { for certificate in authorities { X509_free(certificate) } }
    guard !authorities.isEmpty else { throw TLSError("the CA bundle holds no certificate") }
    for authority in authorities { X509_STORE_add_cert(SSL_CTX_get_cert_store(raw), authority) }
  }

  private static func certificates(_ pem: [UInt8]) throws(TLSError) -> [OpaquePointer] {
    withBIO(pem) { bio in
      var result: [OpaquePointer] = []
      while let certificate = PEM_read_bio_X509(bio, nil, nil, nil) { result.append(certificate) }
      // Reading past the last certificate leaves "no start line" behind.
      ERR_clear_error()
      return result
    }
  }

  private static func withBIO<Result>(_ bytes: [UInt8], _ body: (OpaquePointer?) -> Result) -> Result {
    bytes.withUnsafeBytes { bytes in
      let bio = BIO_new_mem_buf(bytes.baseAddress, Int32(clamping: bytes.count))
      defer { BIO_free(bio) }
      return body(bio)
    }
  }
}

/// How a client's TLS connection is made.
public struct TLSClientConfiguration: Sendable, Equatable {
  /// The authorities that are trusted, PEM; nil trusts the system's.
  public var caPEM: [UInt8]?
  /// The name that the server's certificate must have; nil takes the host that is connected to.
  public var serverName: String?
  /// What the client shows, where the server asks for a certificate.
  public var identity: TLSIdentity?
  /// Accepts any certificate. Only where the configuration asks for that in so many words.
  public var skipsVerification = false
  /// Makes a configuration.
  public init(caPEM: [UInt8]? = nil, serverName: String? = nil, identity: TLSIdentity? = nil) {
    self.caPEM = caPEM
    self.serverName = serverName
    self.identity = identity
  }
}

/// What OpenSSL refused, with its reason.
struct TLSError: Error, CustomStringConvertible {
  let description: String

  init(_ what: String) {
    let code = ERR_get_error()
    ERR_clear_error()
    guard code != 0, let reason = ERR_reason_error_string(code) else {
      description = what
      return
    }
    description = "\(what): \(String(cString: reason))"
  }
}

private func selectProtocol(
  _ ssl: OpaquePointer?, _ selected: UnsafeMutablePointer<UnsafePointer<UInt8>?>?,
  _ selectedCount: UnsafeMutablePointer<UInt8>?, _ offered: UnsafePointer<UInt8>?, _ offeredCount: UInt32,
  _ argument: UnsafeMutableRawPointer?
) -> Int32 {
  let served: StaticString = "\u{02}h2\u{08}http/1.1"
  var choice: UnsafeMutablePointer<UInt8>?
  let result = SSL_select_next_proto(
    &choice, selectedCount, served.utf8Start, UInt32(served.utf8CodeUnitCount), offered, offeredCount)
  guard result == OPENSSL_NPN_NEGOTIATED else { return SSL_TLSEXT_ERR_ALERT_FATAL }
  selected?.pointee = UnsafePointer(choice)
  return SSL_TLSEXT_ERR_OK
}
