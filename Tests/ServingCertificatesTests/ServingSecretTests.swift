import ServingCertificates
import Testing

@Suite struct ServingSecretTests {
  private let names = ["hook.system.svc", "hook.system.svc.cluster.local"]
  private let now: UnixTime = 1_900_000_000
  private let day: UnixTime = 86400

  private func fresh() throws -> ServingSecret {
    var secret = ServingSecret()
    try secret.renew(secret.verdict(names: names, at: now), names: names, at: now)
    return secret
  }

  @Test func anEmptySecretIsFilled() throws {
    var secret = ServingSecret()
    let verdict = secret.verdict(names: names, at: now)
    #expect(verdict.authority == .missing)
    #expect(verdict.leaf == .missing)
    try secret.renew(verdict, names: names, at: now)
    #expect(secret.verdict(names: names, at: now).isCurrent)
    #expect(ServingSecret(data: secret.data) == secret)
    #expect(secret.identity.certificateChainPEM == secret.certificate)
    #expect(String(decoding: secret.key, as: UTF8.self).hasPrefix("-----BEGIN PRIVATE KEY-----"))
  }

  @Test func otherNamesNeedAnotherLeafButNoOtherAuthority() throws {
    var secret = try fresh()
    let before = secret
    let verdict = secret.verdict(names: ["other.system.svc"], at: now)
    #expect(verdict.authority == nil)
    #expect(verdict.leaf == .wrongNames)
    try secret.renew(verdict, names: ["other.system.svc"], at: now)
    #expect(secret.authorityBundle == before.authorityBundle)
    #expect(secret.verdict(names: ["other.system.svc"], at: now).isCurrent)
    #expect(secret.verdict(names: names, at: now).leaf == .wrongNames)
  }

  @Test func theLeafIsRenewedAfterTwoThirdsOfItsWeek() throws {
    var secret = try fresh()
    let before = secret
    let later = now + 5 * day
    let verdict = secret.verdict(names: names, at: later)
    #expect(verdict.leaf == .ageing)
    try secret.renew(verdict, names: names, at: later)
    #expect(secret.certificate != before.certificate)
    #expect(secret.key != before.key)
    #expect(secret.authorityBundle == before.authorityBundle)
    #expect(secret.verdict(names: names, at: later).isCurrent)
  }

  @Test func anAgeingAuthorityOverlapsWithTheNewOne() throws {
    var secret = try fresh()
    // The leaf that the first authority signed a day before it ages goes on being trusted through the bundle.
    let before = now + 59 * day
    try secret.renew(secret.verdict(names: names, at: before), names: names, at: before)
    let old = secret
    let later = now + 60 * day
    let verdict = secret.verdict(names: names, at: later)
    #expect(verdict.authority == .ageing)
    #expect(verdict.leaf == nil)
    try secret.renew(verdict, names: names, at: later)
    #expect(secret.authorityBundle.count > old.authorityBundle.count)
    #expect(secret.authorityBundle.suffix(old.authorityBundle.count) == old.authorityBundle[...])
    #expect(secret.certificate == old.certificate)
    #expect(secret.verdict(names: names, at: later).isCurrent)
    // The next leaf comes from the new authority.
    let next = later + 5 * day
    try secret.renew(secret.verdict(names: names, at: next), names: names, at: next)
    var alone = secret
    alone.authorityBundle = Array(secret.authorityBundle.dropLast(old.authorityBundle.count))
    #expect(alone.verdict(names: names, at: next).isCurrent)
    // By the next renewal of the authority the first one has expired and leaves the bundle.
    let third = later + 61 * day
    try secret.renew(secret.verdict(names: names, at: third), names: names, at: third)
    #expect(secret.authorityBundle.count < 2 * old.authorityBundle.count + 100)
  }

  @Test func aLeafNeverOutlivesItsAuthority() throws {
    var schedule = CertificateSchedule()
    schedule.authorityLifetime = 3 * day
    var secret = ServingSecret()
    try secret.renew(
      secret.verdict(names: names, at: now, schedule: schedule), names: names, at: now, schedule: schedule)
    #expect(secret.verdict(names: names, at: now + 3 * day + 1, schedule: schedule).leaf == .expired)
  }

  static let damages: [(key: String, authority: RenewalReason?, leaf: RenewalReason)] = [
    (ServingSecretKey.authority, .corrupted, .untrusted), (ServingSecretKey.authorityKey, .corrupted, .untrusted),
    (ServingSecretKey.certificate, nil, .corrupted), (ServingSecretKey.key, nil, .corrupted),
  ]

  @Test(arguments: damages) func damageIsSeenAndRepaired(
    _ key: String, _ authority: RenewalReason?, _ leaf: RenewalReason
  ) throws {
    for damage: ([UInt8]) -> [UInt8] in [
      { _ in [] }, { Array($0.prefix($0.count / 2)) }, { $0.map { $0 == UInt8(ascii: "M") ? UInt8(ascii: "!") : $0 } },
      { _ in Array("not PEM".utf8) },
    ] {
      var data = try fresh().data
      data[key] = damage(data[key] ?? [])
      var secret = ServingSecret(data: data)
      let verdict = secret.verdict(names: names, at: now)
      #expect(verdict.authority == authority)
      #expect(verdict.leaf == leaf)
      try secret.renew(verdict, names: names, at: now)
      #expect(secret.verdict(names: names, at: now).isCurrent)
    }
  }

  @Test func keysOfOthersAreSeen() throws {
    let one = try fresh()
    let other = try fresh()
    var secret = one
    secret.key = other.key
    #expect(secret.verdict(names: names, at: now).leaf == .keyMismatch)
    secret = one
    secret.authorityKey = other.authorityKey
    #expect(secret.verdict(names: names, at: now).authority == .keyMismatch)
    secret = one
    secret.certificate = other.certificate
    secret.key = other.key
    #expect(secret.verdict(names: names, at: now).leaf == .untrusted)
  }

  @Test func aServingCertificateIsNoAuthority() throws {
    var secret = try fresh()
    secret.authorityBundle = secret.certificate
    secret.authorityKey = secret.key
    #expect(secret.verdict(names: names, at: now).authority == .corrupted)
  }

  @Test func whatASecretIsTrustedBy() throws {
    let one = try fresh()
    let other = try fresh()
    #expect(one.isTrusted(by: one.authorityBundle))
    #expect(!one.isTrusted(by: other.authorityBundle) && !one.isTrusted(by: []))
    let facts = SecretInspection(one, names: names)
    #expect(facts.isSignedByNewestAuthority && facts.authorityCount == 1)
    #expect(facts.fingerprint?.count == 64)
    #expect(facts.fingerprint != SecretInspection(other, names: names).fingerprint)
    #expect(facts.canServe(at: now) && !SecretInspection(one, names: ["x"]).canServe(at: now))
    #expect(!facts.canServe(at: now + 7 * day + 1))
    #expect(!SecretInspection(ServingSecret(), names: []).canServe(at: now))
    #expect(facts.certificateValidity?.notAfter == now + 7 * day)
    #expect(facts.authorityValidity?.notAfter == now + 90 * day)
  }

  @Test func bundlesAreMergedOnceAndBounded() throws {
    var secret = try fresh()
    let alone = secret
    secret.trust(alone.authorityBundle, at: now)
    #expect(secret == alone)
    var others: [ServingSecret] = []
    for _ in 0..<5 {
      others.append(try fresh())
      secret.trust(others[others.count - 1].authorityBundle, at: now)
    }
    #expect(SecretInspection(secret, names: names).authorityCount == 4)
    #expect(others[0].isTrusted(by: secret.authorityBundle))
    #expect(SecretInspection(secret, names: names).isSignedByNewestAuthority)
    secret.distrustFormerAuthorities()
    #expect(secret == alone)
    // Those whose time is over are not worth trusting.
    secret.trust(others[0].authorityBundle, at: now + 91 * day)
    #expect(secret == alone)
  }
}
