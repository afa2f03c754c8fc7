import ServingCertificates

/// What was found out about certificates before, so that looking every few seconds costs nothing while nothing
/// changes.
struct CertificateKnowledge: Sendable {
  private struct Acceptance: Sendable {
    var certificate: [UInt8]
    var bundle: [UInt8]
    var isAccepted: Bool
  }

  /// The served, the stored, the last good ones and one more.
  private static let mostInspections = 4
  /// Served and stored, each by the bundles of four configurations.
  private static let mostAcceptances = 10

  let names: [String]
  private var inspections: [(secret: ServingSecret, inspection: SecretInspection)] = []
  private var acceptances: [Acceptance] = []

  init(names: [String]) { self.names = names }

  mutating func inspect(_ secret: ServingSecret) -> SecretInspection {
    if let known = inspections.first(where: { $0.secret == secret }) { return known.inspection }
    let inspection = SecretInspection(secret, names: names)
    inspections.insert((secret, inspection), at: 0)
    inspections = Array(inspections.prefix(Self.mostInspections))
    return inspection
  }

  /// Whether clients that trust that bundle accept the certificate.
  mutating func isAccepted(_ secret: ServingSecret, by bundle: [UInt8]) -> Bool {
    if let known = acceptances.first(where: { $0.certificate == secret.certificate && $0.bundle == bundle }) {
      return known.isAccepted
    }
    let isAccepted = secret.isTrusted(by: bundle)
    acceptances.insert(Acceptance(certificate: secret.certificate, bundle: bundle, isAccepted: isAccepted), at: 0)
    acceptances = Array(acceptances.prefix(Self.mostAcceptances))
    return isAccepted
  }
}
