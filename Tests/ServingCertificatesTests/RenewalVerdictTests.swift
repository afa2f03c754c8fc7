import ServingCertificates
import Testing

@Suite struct RenewalVerdictTests {
  private static let day: UnixTime = 86400
  private static let fresh = CertificateFacts.usable(CertificateValidity(notBefore: 0, notAfter: 90 * day))
  private static let freshLeaf = CertificateFacts.usable(CertificateValidity(notBefore: 0, notAfter: 9 * day))

  static let cases:
    [(authority: CertificateFacts, leaf: CertificateFacts, now: UnixTime, reasons: (RenewalReason?, RenewalReason?))] =
      [
        (fresh, freshLeaf, day, (nil, nil)),
        (fresh, freshLeaf, 6 * day - 1, (nil, nil)), (fresh, freshLeaf, 6 * day, (nil, .ageing)),
        (fresh, freshLeaf, 9 * day + 1, (nil, .expired)), (fresh, freshLeaf, -1, (.notYetValid, .notYetValid)),
        (fresh, .usable(CertificateValidity(notBefore: 59 * day, notAfter: 66 * day)), 60 * day, (.ageing, nil)),
        (
          fresh, .usable(CertificateValidity(notBefore: 90 * day, notAfter: 97 * day)), 91 * day, (.expired, .untrusted)
        ),
        (.missing, .missing, day, (.missing, .missing)), (fresh, .missing, day, (nil, .missing)),
        (.unusable(.corrupted), freshLeaf, day, (.corrupted, .untrusted)),
        (.unusable(.keyMismatch), .unusable(.untrusted), day, (.keyMismatch, .untrusted)),
        (fresh, .unusable(.wrongNames), day, (nil, .wrongNames)),
      ]

  @Test(arguments: cases.indices) func decides(_ index: Int) {
    let (authority, leaf, now, reasons) = Self.cases[index]
    let verdict = RenewalVerdict.decide(authority: authority, leaf: leaf, at: now, schedule: CertificateSchedule())
    #expect(verdict.authority == reasons.0)
    #expect(verdict.leaf == reasons.1)
    #expect(verdict.isCurrent == (reasons == (nil, nil)))
  }

  @Test func checksWhenTheNextThingAges() {
    func wait(_ now: UnixTime) -> Int64 {
      RenewalVerdict.decide(
        authority: Self.fresh, leaf: Self.freshLeaf, at: now, schedule: CertificateSchedule()
      ).checkAfter
    }
    #expect(wait(0) == 3600)
    #expect(wait(6 * Self.day - 100) == 100)
    #expect(wait(6 * Self.day + 100) == 1)
  }
}
