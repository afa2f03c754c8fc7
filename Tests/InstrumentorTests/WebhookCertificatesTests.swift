import JSON
import KubeObjects
import OdigosObjects
import Testing

@testable import Instrumentor

@Suite struct WebhookTrustTests {
  private func webhook(_ name: String, service: String?, bundle: JSONValue? = nil) -> JSONValue {
    var webhook: JSONValue = ["name": .string(name), "clientConfig": [:]]
    if let service { webhook.set(["clientConfig", "service", "name"], .string(service)) }
    webhook.set(["clientConfig", "caBundle"], bundle)
    return webhook
  }

  @Test func onlyOurWebhooksAreToldWhomToTrust() throws {
    let configuration: JSONValue = [
      "webhooks": [
        webhook("other", service: "other"), webhook("new", service: WebhookWord.service),
        webhook("old", service: WebhookWord.service, bundle: "b2xk"), webhook("url", service: nil),
        webhook("current", service: WebhookWord.service, bundle: "YnVuZGxl"),
      ]
    ]
    let patch = try #require(WebhookTrust.patch(configuration, bundle: Array("bundle".utf8)))
    let patched = try patch.applied(to: configuration)
    let bundles = patched["webhooks"]?.array?.map { $0.at("clientConfig", "caBundle") }
    #expect(bundles == [nil, "YnVuZGxl", "YnVuZGxl", nil, "YnVuZGxl"])
    #expect(WebhookTrust.patch(patched, bundle: Array("bundle".utf8)) == nil)
    #expect(WebhookTrust.patch([:], bundle: []) == nil)
  }

  @Test func aConfigurationThatChangedMeanwhileIsNotTouched() throws {
    let configuration: JSONValue = ["webhooks": [webhook("ours", service: WebhookWord.service)]]
    let patch = try #require(WebhookTrust.patch(configuration, bundle: [1]))
    #expect(throws: JSONPatchError.self) { try patch.applied(to: ["webhooks": [webhook("another", service: "x")]]) }
  }

  @Test func readsWhomTheServerTrusts() {
    var configuration: JSONValue = [
      "metadata": ["name": "c"],
      "webhooks": [
        webhook("ours", service: WebhookWord.service, bundle: "YnVuZGxl"), webhook("other", service: "other"),
        webhook("new", service: WebhookWord.service),
      ],
    ]
    let trust = WebhookTrust(configuration)
    #expect(trust.configuration == "c" && !trust.isExternal)
    #expect(trust.bundles == [Array("bundle".utf8), []])
    configuration.set(["metadata", "annotations", WebhookAnnotation.injectAuthorityFrom], "ns/certificate")
    #expect(WebhookTrust(configuration).isExternal)
  }

  @Test func secretsAreDecoded() {
    var secret = Secret(name: "s", namespace: "n")
    secret.json["data"] = ["a": "aGk=", "b": "!", "c": 1]
    #expect(secret.decodedData == ["a": Array("hi".utf8), "b": [], "c": []])
    #expect(Secret(name: "s", namespace: "n").decodedData == [:])
  }
}

@Suite struct StoredCertificatesTests {
  @Test func whatOthersPutIntoTheSecretSurvives() {
    var object = Secret(json: [
      "metadata": [
        "name": "s", "resourceVersion": "7",
        "annotations": [
          "team": "a", "odigos.io/rotate": "authority", "serving.odigos.io/a": "0123456789abcdef 100",
          "serving.odigos.io/b": "nonsense",
        ],
      ], "type": "Opaque", "data": ["mine": "aGk=", "tls.key": "aGk="],
    ])
    var stored = StoredCertificates(object)
    #expect(stored.version == "7" && !stored.isExternal && stored.rotation == .authority)
    #expect(stored.records == ["a": ServingRecord(fingerprint: "0123456789abcdef", at: 100)])
    #expect(stored.secret.key == Array("hi".utf8))
    stored.rotation = nil
    stored.records["c"] = ServingRecord(fingerprint: "fedcba98765432100", at: 5)
    let written = stored.written(into: object)
    #expect(
      written.metadata.annotations == [
        "team": "a", "serving.odigos.io/a": "0123456789abcdef 100", "serving.odigos.io/c": "fedcba9876543210 5",
      ])
    #expect(written.json.at("data", "mine") == "aGk=")
    #expect(StoredCertificates(written) == stored)
    object.json["type"] = "kubernetes.io/tls"
    #expect(StoredCertificates(object).isExternal)
  }

  @Test func aNewSecretIsOurs() {
    let written = StoredCertificates().written(into: Secret(name: "s", namespace: "n"))
    #expect(written.json["type"] == "Opaque")
    #expect(written.metadata.labels == ["odigos.io/system-object": "true"])
  }

  @Test(arguments: [
    ("odigos-instrumentor-5d4f8c7b9d-abcde", "odigos-instrumentor-5d4f8c7b9d-abcde"), ("a.b/c", "a-b-c"),
    ("", "replica"), ("-x", "rx"),
  ])
  func replicasHaveNamesThatAnnotationsCanHave(_ identity: String, _ name: String) {
    #expect(ServingRecord.replica(identity) == name)
    #expect(ServingRecord.replica(String(repeating: "n", count: 200)).count == 63)
  }
}

@Suite struct SourceReleaseTests {
  private func source(_ finalizers: [String], deleting: Bool = true) -> Source {
    var source = Source(name: "s", namespace: "shop")
    source.metadata.finalizers = finalizers
    source.metadata.json["resourceVersion"] = "7"
    if deleting { source.metadata.json["deletionTimestamp"] = "2025-01-01T00:00:00Z" }
    return source
  }

  @Test func onlyOurFinalizersAreTakenOff() {
    let ours = "odigos.io/source-instrumentation-finalizer"
    #expect(
      SourceRelease.patch(source([ours, "other.io/keep"])) == [
        "metadata": ["finalizers": ["other.io/keep"], "resourceVersion": "7"]
      ])
    #expect(SourceRelease.patch(source(["other.io/keep"])) == nil)
    #expect(SourceRelease.patch(source([ours], deleting: false)) == nil)
  }
}

@Suite struct InstrumentorSettingsTests {
  private func settings(_ variables: [String: String]) throws -> InstrumentorSettings {
    try InstrumentorSettings { variables[$0] }
  }

  @Test func hasDefaults() throws {
    let settings = try settings(["CURRENT_NS": ""])
    #expect(settings.namespace == "odigos-system")
    #expect(settings.webhookPort == 9443)
    #expect(!settings.identity.isEmpty)
  }

  @Test func readsTheEnvironment() throws {
    let settings = try settings(["CURRENT_NS": "obs", "POD_NAME": "i-0", "ODIGOS_WEBHOOK_PORT": "0"])
    #expect(settings.namespace == "obs")
    #expect(settings.identity == "i-0")
    #expect(settings.webhookPort == 0)
  }

  @Test(arguments: ["x", "-1", "65536"]) func refusesPortsThatAreNone(_ port: String) {
    let error = #expect(throws: InstrumentorSettings.Invalid.self) { try settings(["ODIGOS_WEBHOOK_PORT": port]) }
    #expect(error?.description.contains("ODIGOS_WEBHOOK_PORT") == true)
  }
}
