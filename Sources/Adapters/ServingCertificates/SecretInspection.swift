/// What is found in a Secret's certificates and keys, apart from the time.
///
/// Reading keys takes OpenSSL milliseconds; what was found is worth keeping for as long as the Secret does not change.
public struct SecretInspection: Sendable, Equatable {
  /// What identifies the serving certificate among others: the SHA-256 of it; nil where it cannot be read.
  public let fingerprint: String?
  /// When the serving certificate counts; nil where it cannot be read.
  public let certificateValidity: CertificateValidity?
  /// When the authority counts that signs now; nil where it cannot be read.
  public let authorityValidity: CertificateValidity?
  /// How many authorities are trusted.
  public let authorityCount: Int
  /// Whether the newest authority signed the serving certificate, so that the others are not needed for it.
  public let isSignedByNewestAuthority: Bool
  private let authority: CertificateFacts
  private let leaf: CertificateFacts
  /// Whether certificate, key and names belong together, whoever signed it.
  private let isServable: Bool

  /// Looks at a Secret of a server that is called by these names.
  public init(_ secret: ServingSecret, names: [String]) {
    let authorities = Certificate.all(in: secret.authorityBundle) ?? []
    let certificate = Certificate.all(in: secret.certificate)?.first
    let key = PrivateKey(pem: secret.key)
    authority = Self.authorityFacts(secret, authorities.first)
    leaf = Self.leafFacts(secret, certificate, key, authorities, names)
    fingerprint = certificate?.fingerprint
    certificateValidity = certificate?.validity
    authorityValidity = authorities.first?.validity
    authorityCount = authorities.count
    isSignedByNewestAuthority = authorities.first.flatMap { newest in certificate?.isSigned(by: newest) } ?? false
    isServable =
      certificate.map { certificate in
        key.map(certificate.hasKey) == true && names.allSatisfy(certificate.covers)
      } ?? false
  }

  /// What must be renewed at a time.
  public func verdict(at now: UnixTime, schedule: CertificateSchedule) -> RenewalVerdict {
    RenewalVerdict.decide(authority: authority, leaf: leaf, at: now, schedule: schedule)
  }

  /// Whether a server can serve with it at a time, whoever signed it.
  public func canServe(at now: UnixTime) -> Bool {
    isServable && certificateValidity.map { now <= $0.notAfter } ?? false
  }

  private static func authorityFacts(_ secret: ServingSecret, _ certificate: Certificate?) -> CertificateFacts {
    if secret.authorityBundle.isEmpty, secret.authorityKey.isEmpty { return .missing }
    guard let certificate, let key = PrivateKey(pem: secret.authorityKey), let validity = certificate.validity,
      certificate.isAuthority
    else { return .unusable(.corrupted) }
    return certificate.hasKey(key) ? .usable(validity) : .unusable(.keyMismatch)
  }

  private static func leafFacts(
    _ secret: ServingSecret, _ leaf: Certificate?, _ key: PrivateKey?, _ authorities: [Certificate], _ names: [String]
  ) -> CertificateFacts {
    if secret.certificate.isEmpty, secret.key.isEmpty { return .missing }
    guard let leaf, let key, let validity = leaf.validity else { return .unusable(.corrupted) }
    guard leaf.hasKey(key) else { return .unusable(.keyMismatch) }
    guard names.allSatisfy(leaf.covers) else { return .unusable(.wrongNames) }
    guard authorities.contains(where: leaf.isSigned) else { return .unusable(.untrusted) }
    return .usable(validity)
  }
}
