import Foundation
import JSON
import Testing

/// cert-manager keeps the webhooks' certificates (docs/operating.md). It does not run here: openssl issues what it
/// would, and the test fills in `caBundle` as its injector does.
@Suite(.serialized, .enabled(if: Cluster.isGiven, "no cluster: run hack/e2e"))
struct CertManagerTests {
  private static let secret = "instrumentor-webhooks-cert"
  private static let names = [
    "odigos-instrumentor.odigos-system.svc", "odigos-instrumentor.odigos-system.svc.cluster.local",
  ]
  private static let kinds = ["mutatingwebhookconfigurations", "validatingwebhookconfigurations"]

  init() async throws {
    try await Installation.ensure()
  }

  /// Certificates in files of a directory: `ca.crt`, and after each `issue` another `tls.crt`.
  private struct Authority {
    let directory = FileManager.default.temporaryDirectory.appendingPathComponent("cert-manager-\(UUID().uuidString)")
    private let curve = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"

    init() throws {
      try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
      try shell("openssl req -x509 \(curve) -keyout ca.key -out ca.crt -days 90 -subj '/CN=played cert-manager'")
    }

    @discardableResult
    func shell(_ command: String) throws -> String {
      try Cluster.run("bash", ["-ec", "cd '\(directory.path)'; \(command) 2>/dev/null"])
    }

    func issue() throws {
      let alternatives = CertManagerTests.names.map { "DNS:\($0)" }.joined(separator: ",")
      try shell("openssl req \(curve) -keyout tls.key -out tls.csr -subj '/CN=webhook'")
      try shell("printf 'subjectAltName=\(alternatives)\\nextendedKeyUsage=serverAuth\\n' > extensions")
      try shell(
        "openssl x509 -req -in tls.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 7 -extfile extensions -out tls.crt"
      )
    }

    /// The Secret as cert-manager writes it.
    func store() throws {
      let arguments = ["ca.crt", "tls.crt", "tls.key"].map { "--from-file=\(directory.path)/\($0)" }
      let manifest = try Cluster.run(
        "kubectl",
        [
          "create", "secret", "generic", CertManagerTests.secret, "-n", Cluster.systemNamespace,
          "--type=kubernetes.io/tls",
        ]
          + arguments + ["--dry-run=client", "-o", "yaml"])
      try Cluster.apply(manifest)
    }

    func bundle() throws -> String { try shell("base64 -w0 ca.crt") }
    func fingerprint() throws -> String { try shell("openssl x509 -in tls.crt -noout -fingerprint -sha256") }
    /// When the certificate ends, in seconds since 1970.
    func end() throws -> String {
      try shell("date -d \"$(openssl x509 -in tls.crt -noout -enddate | cut -d= -f2)\" +%s")
        .trimmingCharacters(in: .whitespacesAndNewlines)
    }
  }

  private func configurations() throws -> [(kind: String, object: JSONValue)] {
    try Self.kinds.flatMap { kind in
      try Cluster.list(kind, in: nil, selector: "odigos.io/system-object=true").map { (kind, $0) }
    }
  }

  private func bundles() throws -> [String] {
    try configurations().flatMap { $0.object["webhooks"]?.array ?? [] }
      .map { $0.at("clientConfig", "caBundle")?.string ?? "" }
  }

  private func name(_ object: JSONValue) -> String { object.at("metadata", "name")?.string ?? "" }

  /// What cert-manager's injector does.
  private func inject(_ bundle: String) throws {
    for (kind, object) in try configurations() {
      try Cluster.kubectl(
        "annotate", kind, name(object), "cert-manager.io/inject-ca-from=odigos-system/odigos-webhooks", "--overwrite")
      let operations = (object["webhooks"]?.array ?? []).indices.map { index -> JSONValue in
        ["op": "add", "path": .string("/webhooks/\(index)/clientConfig/caBundle"), "value": .string(bundle)]
      }
      let patch = String(decoding: JSONValue.array(operations).serialized(), as: UTF8.self)
      try Cluster.kubectl("patch", kind, name(object), "--type=json", "-p", patch)
    }
  }

  private func replicas() throws -> [String] {
    try Cluster.list("pods", in: Cluster.systemNamespace, selector: "app.kubernetes.io/name=odigos-instrumentor")
      .filter { !PodEnd.isWanted($0) }.compactMap { $0.at("status", "podIP")?.string }
  }

  private func waitUntilServed(_ authority: Authority) async throws {
    let wanted = try authority.fingerprint()
    try await eventually("every replica serves with what was issued") {
      for address in try replicas() {
        let served = try authority.shell(
          "openssl s_client -connect \(address):9443 </dev/null | openssl x509 -noout -fingerprint -sha256")
        if served != wanted { return "\(address): \(served)" }
      }
      return nil
    }
  }

  @Test func itsCertificatesAreServedAndItsBundleIsLeftAlone() async throws {
    let authority = try Authority()
    defer { try? FileManager.default.removeItem(at: authority.directory) }
    try authority.issue()
    let bundle = try authority.bundle()
    try await undoing {
      for kind in Self.kinds {
        try Cluster.kubectl("annotate", kind, "-l", "odigos.io/system-object=true", "cert-manager.io/inject-ca-from-")
      }
      try Cluster.delete("secret", Self.secret, in: Cluster.systemNamespace)
      try await eventually("the instrumentor keeps them again") {
        let type = try secretType()
        let isOurs = try !bundles().contains(bundle)
        return type == "Opaque" && isOurs ? nil : "Secret: \(type)"
      }
    } after: {
      try inject(bundle)
      // Where the instrumentor has made its own again in between, that is of another type, which cannot be changed.
      try await eventually("cert-manager's Secret") {
        try Cluster.delete("secret", Self.secret, in: Cluster.systemNamespace)
        try authority.store()
        let type = try secretType()
        return type == "kubernetes.io/tls" ? nil : type
      }
      try await useAndRenew(authority, bundle)
    }
  }

  private func secretType() throws -> String {
    try Cluster.get("secret", Self.secret, in: Cluster.systemNamespace)?["type"]?.string ?? "none"
  }

  private func useAndRenew(_ authority: Authority, _ bundle: String) async throws {
    try await waitUntilServed(authority)
    let application = PlainApplication(namespace: "e2e-cert-manager", labels: "odigos-instrumentation: enabled")
    defer { application.remove() }
    try await application.deploy()
    try await application.waitUntil("web", isInstrumented: true)

    try authority.issue()
    try authority.store()
    try await waitUntilServed(authority)
    let end = try authority.end()
    try await eventually("the metric of every replica") {
      for address in try replicas() {
        let metrics = try authority.shell("curl -s http://\(address):8081/metrics")
        guard metrics.contains("certificate_expiry_timestamp_seconds{certificate=\"serving\"} \(end)") else {
          return "\(metrics.split(separator: "\n").filter { $0.contains("expiry") })"
        }
      }
      return nil
    }
    try Cluster.kubectl("delete", "pod", "-n", application.namespace, "-l", "app=web", "--wait=false")
    try await application.waitUntil("web", isInstrumented: true)
    #expect(try bundles().allSatisfy { $0 == bundle }, "nobody but cert-manager writes caBundle")
    let secret = try #require(try Cluster.get("secret", Self.secret, in: Cluster.systemNamespace))
    #expect(Set(secret["data"]?.object?.keys ?? []) == ["ca.crt", "tls.crt", "tls.key"])
    let notes = secret.at("metadata", "annotations")?.object?.keys.filter { $0.contains("odigos.io") } ?? []
    #expect(notes.isEmpty, "the Secret is not ours: \(notes)")
  }
}
