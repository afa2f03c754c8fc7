extension ServingSecret {
  /// The most authorities that are trusted at once; the oldest go first.
  static let mostAuthorities = 4

  /// Whether a client that trusts that bundle accepts the serving certificate, its time aside.
  public func isTrusted(by bundle: [UInt8]) -> Bool {
    guard let leaf = Certificate.all(in: certificate)?.first else { return false }
    return (Certificate.all(in: bundle) ?? []).contains(where: leaf.isSigned)
  }

  /// Goes on trusting the authorities of another bundle behind our own, but those whose time is over.
  public mutating func trust(_ bundle: [UInt8], at now: UnixTime) {
    var known = Set<String>()
    var merged: [UInt8] = []
    var count = 0
    for authority in (Certificate.all(in: authorityBundle) ?? []) + (Certificate.all(in: bundle) ?? []) {
      guard count < Self.mostAuthorities, authority.isAuthority, let validity = authority.validity,
        count == 0 || validity.notAfter > now, known.insert(authority.fingerprint).inserted, let pem = authority.pem
      else { continue }
      merged += pem
      count += 1
    }
    authorityBundle = merged
  }

  /// Trusts the newest authority alone from now on.
  public mutating func distrustFormerAuthorities() {
    if let newest = Certificate.all(in: authorityBundle)?.first?.pem { authorityBundle = newest }
  }
}
