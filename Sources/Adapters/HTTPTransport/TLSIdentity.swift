/// A certificate chain and its private key, both PEM.
public struct TLSIdentity: Sendable, Equatable {
  /// The leaf first, then its issuers.
  public var certificateChainPEM: [UInt8]
  /// The key of the leaf.
  public var privateKeyPEM: [UInt8]
  /// Makes an identity.
  public init(certificateChainPEM: [UInt8], privateKeyPEM: [UInt8]) {
    self.certificateChainPEM = certificateChainPEM
    self.privateKeyPEM = privateKeyPEM
  }
}
