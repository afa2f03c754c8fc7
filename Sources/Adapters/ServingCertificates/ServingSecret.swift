import HTTPTransport

/// The certificates that a webhook serves with and is trusted by, as its Secret holds them.
public struct ServingSecret: Sendable, Equatable {
  /// The authority, and behind it those that it followed; PEM. This is what clients are told to trust.
  public var authorityBundle: [UInt8]
  /// The authority's key; PEM.
  public var authorityKey: [UInt8]
  /// The serving certificate; PEM.
  public var certificate: [UInt8]
  /// The key of the serving certificate; PEM.
  public var key: [UInt8]

  /// Takes the entries of a Secret; those that are missing count as empty.
  public init(data: [String: [UInt8]] = [:]) {
    authorityBundle = data[ServingSecretKey.authority] ?? []
    authorityKey = data[ServingSecretKey.authorityKey] ?? []
    certificate = data[ServingSecretKey.certificate] ?? []
    key = data[ServingSecretKey.key] ?? []
  }

  /// The entries of the Secret.
  public var data: [String: [UInt8]] {
    [
      ServingSecretKey.authority: authorityBundle, ServingSecretKey.authorityKey: authorityKey,
      ServingSecretKey.certificate: certificate, ServingSecretKey.key: key,
    ]
  }

  /// What a server serves with.
  public var identity: TLSIdentity { TLSIdentity(certificateChainPEM: certificate, privateKeyPEM: key) }

  /// What must be renewed at a time so that the webhook can serve under these DNS names.
  public func verdict(names: [String], at now: UnixTime, schedule: CertificateSchedule = CertificateSchedule())
    -> RenewalVerdict
  {
    SecretInspection(self, names: names).verdict(at: now, schedule: schedule)
  }

  /// Makes anew what the verdict names, and drops authorities whose time is over from the bundle.
  public mutating func renew(
    _ verdict: RenewalVerdict, names: [String], at now: UnixTime, schedule: CertificateSchedule = CertificateSchedule()
  ) throws(CertificateError) {
    if let reason = verdict.authority { try renewAuthority(reason, now, schedule) }
    guard verdict.leaf != nil else { return }
    guard let authority = Certificate.all(in: authorityBundle)?.first, let authorityKey = PrivateKey(pem: authorityKey),
      let authorityEnd = authority.validity?.notAfter
    else { throw CertificateError(during: "reading the authority") }
    let leafKey = try PrivateKey.generate()
    let request = CertificateRequest(
      commonName: names.first ?? "webhook", purpose: .server(names: names),
      validity: CertificateValidity(
        notBefore: now - schedule.backdating, notAfter: min(now + schedule.leafLifetime, authorityEnd)))
    let leaf = try Certificate.issue(request, for: leafKey, issuer: (authority, authorityKey))
    guard let certificatePEM = leaf.pem, let keyPEM = leafKey.pem else {
      throw CertificateError(during: "writing a certificate")
    }
    certificate = certificatePEM
    key = keyPEM
  }

  private mutating func renewAuthority(
    _ reason: RenewalReason, _ now: UnixTime, _ schedule: CertificateSchedule
  ) throws(CertificateError) {
    let newKey = try PrivateKey.generate()
    let request = CertificateRequest(
      // Each authority has its own name, so that a chain is built with the right one of the bundle.
      commonName: "odigos webhook authority \(now)", purpose: .authority,
      validity: CertificateValidity(
        notBefore: now - schedule.backdating, notAfter: now + schedule.authorityLifetime))
    let authority = try Certificate.issue(request, for: newKey, issuer: nil)
    guard let pem = authority.pem, let keyPEM = newKey.pem else {
      throw CertificateError(during: "writing an authority")
    }
    let former = authorityBundle
    authorityBundle = pem
    authorityKey = keyPEM
    trust(former, at: now)
  }
}
