import Concurrency
import ServiceShell
import ServingCertificates

/// What the outside may know of the certificates: readiness and metrics.
final class CertificateStatus: Sendable {
  private struct Facts: Sendable {
    var certificate: CertificateValidity?
    var authority: CertificateValidity?
    var authorityCount = 0
  }

  private let facts = Locked(Facts())
  private let health: HealthState

  /// The name of the condition of readiness.
  static let condition = "webhook registered"

  /// Not ready until the API server accepts what is served.
  init(health: HealthState) {
    self.health = health
    health.setReady(Self.condition, false)
    health.addMetric(
      "odigos_instrumentor_certificate_expiry_timestamp_seconds",
      help: "When what the webhook serves with ends, in Unix time.", kind: "gauge"
    ) { [facts] in
      let facts = facts.withLock { $0 }
      return [("certificate=\"serving\"", facts.certificate), ("certificate=\"authority\"", facts.authority)]
        .compactMap { label, validity in validity.map { (label, Double($0.notAfter)) } }
    }
    health.addMetric(
      "odigos_instrumentor_trusted_authorities", help: "Authorities in caBundle; two while one is replaced.",
      kind: "gauge"
    ) { [facts] in [("", Double(facts.withLock { $0.authorityCount }))] }
  }

  /// Takes over what the machine knows. Where nothing sends pods any more, as at uninstall, readiness stays as it is.
  func note(_ served: SecretInspection?, isTrusted: Bool?) {
    facts.withLock { facts in
      facts.certificate = served?.certificateValidity
      facts.authority = served?.authorityValidity
      facts.authorityCount = served?.authorityCount ?? 0
    }
    if let isTrusted { health.setReady(Self.condition, isTrusted) }
  }
}
