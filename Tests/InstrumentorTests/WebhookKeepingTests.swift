import Concurrency
import HTTPTransport
import JSON
import KubeClient
import KubeObjects
import OdigosObjects
import Policy
import ServingCertificates
import TestSupport
import Testing

@testable import Instrumentor
@testable import ServiceShell

/// Certificates and registration against an API server, with everything between.
@Suite struct WebhookKeepingTests {
  private static let namespace = "odigos-system"
  private static let secret = ObjectKey(namespace: namespace, name: WebhookWord.secret)

  private static func configuration(_ name: String, path: String) -> JSONValue {
    [
      "metadata": ["name": .string(name)],
      "webhooks": [
        [
          "name": "ours.odigos.io",
          "clientConfig": ["service": ["name": .string(WebhookWord.service), "path": .string(path)]],
        ]
      ],
    ]
  }

  private func register(in cluster: FakeCluster) {
    for (name, path) in [
      (WebhookWord.configuration, WebhookWord.path), (WebhookWord.sourceDefaults, WebhookWord.sourceDefaultsPath),
    ] {
      cluster.set(
        MutatingWebhookConfiguration.type, ObjectKey(name: name), Self.configuration(name, path: path))
    }
    for (name, path) in [
      (WebhookWord.sourceValidation, WebhookWord.sourceValidationPath),
      (WebhookWord.actionValidation, WebhookWord.actionValidationPath),
    ] {
      cluster.set(
        ValidatingWebhookConfiguration.type, ObjectKey(name: name), Self.configuration(name, path: path))
    }
  }

  /// A replica that keeps certificates until it is stopped.
  private final class Replica: Sendable {
    let health = HealthState()
    let served = Locked<[TLSIdentity]>([])
    private let task: Task<Void, Never>

    init(_ name: String, _ cluster: FakeCluster) {
      let certificates = WebhookCertificates(
        client: cluster.client,
        caches: WebhookCaches(client: cluster.client, namespace: namespace, logger: AdmissionSample.logger),
        namespace: namespace, replica: name, logger: AdmissionSample.logger,
        status: CertificateStatus(health: health), tick: .milliseconds(20), settling: 0)
      task = Task { [served] in
        await certificates.run { identity in served.withLock { $0.append(identity) } }
      }
    }

    var certificate: [UInt8] { served.withLock { $0.last?.certificateChainPEM ?? [] } }

    func stop() async {
      task.cancel()
      await task.value
    }
  }

  private func stored(_ cluster: FakeCluster) -> StoredCertificates? {
    cluster.get(Secret.type, Self.secret).map { StoredCertificates(Secret(json: $0)) }
  }

  private func bundles(_ cluster: FakeCluster) -> [JSONValue?] {
    let keys =
      WebhookWord.mutatingConfigurations.map { (MutatingWebhookConfiguration.type, $0) }
      + WebhookWord.validatingConfigurations.map { (ValidatingWebhookConfiguration.type, $0) }
    return keys.map { type, name in
      cluster.get(type, ObjectKey(name: name))?["webhooks"]?[0]?.at("clientConfig", "caBundle")
    }
  }

  private func isSettled(_ cluster: FakeCluster, _ replicas: [Replica]) -> Bool {
    guard let stored = stored(cluster), stored.rotation == nil, stored.records.count == replicas.count else {
      return false
    }
    let bundle = JSONValue.string(Base64.encode(stored.secret.authorityBundle))
    return bundles(cluster).allSatisfy { $0 == bundle }
      && replicas.allSatisfy { $0.certificate == stored.secret.certificate && $0.health.isReady }
      && Set(stored.records.values.map(\.certificate)).count == 1
  }

  @Test func twoReplicasKeepOneIdentityThroughWhatHappensToIt() async throws {
    let cluster = try FakeCluster()
    let replicas = [Replica("a", cluster), Replica("b", cluster)]
    // Without a webhook configuration there is nothing to be ready for.
    try await eventually("an identity is there") { replicas.allSatisfy { !$0.certificate.isEmpty } }
    #expect(!replicas[0].health.isReady)
    register(in: cluster)
    try await eventually("everybody serves") { isSettled(cluster, replicas) }
    let first = replicas[0].certificate

    cluster.set(Secret.type, Self.secret, nil)
    try await eventually("the deleted Secret is back") { isSettled(cluster, replicas) }
    cluster.change(Secret.type, Self.secret) { $0.set(["data", "tls.key"], "anVuaw==") }
    try await eventually("the damaged Secret is repaired") {
      stored(cluster)?.secret.key != Array("junk".utf8) && isSettled(cluster, replicas)
    }
    #expect(replicas.allSatisfy { $0.certificate == first })

    cluster.change(MutatingWebhookConfiguration.type, ObjectKey(name: WebhookWord.configuration)) {
      $0["webhooks"] = Self.configuration("", path: WebhookWord.path)["webhooks"]
    }
    try await eventually("the bundle is back") { isSettled(cluster, replicas) }

    cluster.change(Secret.type, Self.secret) {
      $0.set(["metadata", "annotations", WebhookAnnotation.rotate], "authority")
    }
    try await eventually("everybody serves with another certificate") {
      isSettled(cluster, replicas) && replicas[0].certificate != first
    }
    for replica in replicas { await replica.stop() }
    await cluster.stop()
  }

  /// What cert-manager makes of a certificate: a Secret of its type, without the authority's key.
  private func issued(_ secret: ServingSecret) -> JSONValue {
    var object = Secret(name: Self.secret.name, namespace: Self.secret.namespace)
    object.json["type"] = "kubernetes.io/tls"
    object.json["data"] = [
      "ca.crt": .string(Base64.encode(secret.authorityBundle)), "tls.crt": .string(Base64.encode(secret.certificate)),
      "tls.key": .string(Base64.encode(secret.key)),
    ]
    return object.json
  }

  private func certificate() throws -> ServingSecret {
    var secret = ServingSecret()
    let (names, now) = (WebhookCertificates.names(namespace: Self.namespace), KubeTime.now.seconds)
    try secret.renew(secret.verdict(names: names, at: now), names: names, at: now)
    return secret
  }

  @Test func whatCertManagerKeepsIsServedAndLeftAlone() async throws {
    let cluster = try FakeCluster()
    register(in: cluster)
    let keys =
      WebhookWord.mutatingConfigurations.map { (MutatingWebhookConfiguration.type, ObjectKey(name: $0)) }
      + WebhookWord.validatingConfigurations.map { (ValidatingWebhookConfiguration.type, ObjectKey(name: $0)) }
    /// The part of cert-manager that fills in `caBundle`.
    func inject(_ bundle: JSONValue) {
      for (type, key) in keys {
        cluster.change(type, key) {
          $0.set(["metadata", "annotations", WebhookAnnotation.injectAuthorityFrom], "odigos-system/odigos-webhooks")
          var webhook = $0["webhooks"]?[0] ?? [:]
          webhook.set(["clientConfig", "caBundle"], bundle)
          $0["webhooks"] = [webhook]
        }
      }
    }
    inject("")
    let first = try certificate()
    cluster.set(Secret.type, Self.secret, issued(first))
    let replica = Replica("a", cluster)
    try await eventually("it serves with what was issued") { replica.certificate == first.certificate }
    #expect(!replica.health.isReady, "nobody has told the API server yet")
    // Not the issuer's own certificate: it may be signed by an authority between the two.
    inject("YW5vdGhlciBidW5kbGU=")
    try await eventually("it is ready") { replica.health.isReady }

    let second = try certificate()
    cluster.set(Secret.type, Self.secret, issued(second))
    try await eventually("the renewed one is served") { replica.certificate == second.certificate }
    let present = cluster.get(Secret.type, Self.secret)
    #expect(present?["data"] == issued(second)["data"] && present?["type"] == "kubernetes.io/tls")
    #expect(present?.at("metadata", "annotations") == nil, "no notes of ours either")
    #expect(bundles(cluster).allSatisfy { $0 == "YW5vdGhlciBidW5kbGU=" }, "caBundle is cert-manager's")
    let served = SecretInspection(second, names: WebhookCertificates.names(namespace: Self.namespace))
    let expiry = try #require(served.certificateValidity?.notAfter)
    #expect(
      replica.health.metricsText.contains(
        "odigos_instrumentor_certificate_expiry_timestamp_seconds{certificate=\"serving\"} \(expiry)"))
    await replica.stop()
    await cluster.stop()
  }

  @Test func theSelectorFollowsTheMarkedNamespaces() async throws {
    let cluster = try FakeCluster()
    register(in: cluster)
    for name in ["shop", Self.namespace] {
      cluster.set(
        Namespace.type, ObjectKey(name: name),
        ["metadata": ["name": .string(name), "labels": [RegistrationPlan.nameLabel: .string(name)]]])
    }
    let caches = InstrumentorCaches(
      client: cluster.client, namespace: Self.namespace, logger: AdmissionSample.logger)
    let webhooks = WebhookCaches(client: cluster.client, namespace: Self.namespace, logger: AdmissionSample.logger)
    let registration = PodRegistration(
      client: cluster.client, caches: caches, webhooks: webhooks, namespace: Self.namespace,
      version: KubernetesVersion(1, 30), logger: AdmissionSample.logger)
    let task = Task {
      await withTaskGroup(of: Void.self) { group in
        group.addTask { await caches.run() }
        group.addTask { await webhooks.run() }
        group.addTask { await registration.run() }
      }
    }
    func selected() -> JSONValue? {
      cluster.get(MutatingWebhookConfiguration.type, ObjectKey(name: WebhookWord.configuration))?["webhooks"]?[0]?
        .at("namespaceSelector", "matchExpressions")?[1]
    }
    try await eventually("no namespace is asked about") { selected()?["operator"] == "DoesNotExist" }
    let config = ObjectKey(namespace: "shop", name: "deployment-web")
    cluster.set(
      InstrumentationConfig.type, config, ["metadata": ["name": "deployment-web", "namespace": "shop"]])
    try await eventually("the namespace is in") { selected()?["values"] == ["shop"] }
    // An installer puts the manifest's selector back.
    cluster.change(MutatingWebhookConfiguration.type, ObjectKey(name: WebhookWord.configuration)) {
      $0["webhooks"] = Self.configuration("", path: WebhookWord.path)["webhooks"]
    }
    try await eventually("the namespace is in again") { selected()?["values"] == ["shop"] }
    cluster.set(InstrumentationConfig.type, config, nil)
    try await eventually("no namespace is asked about again") { selected()?["operator"] == "DoesNotExist" }
    task.cancel()
    await task.value
    await cluster.stop()
  }
}
