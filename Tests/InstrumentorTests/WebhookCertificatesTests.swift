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

  @Test func secretsAreDecoded() {
    var secret = Secret(name: "s", namespace: "n")
    secret.json["data"] = ["a": "aGk=", "b": "!", "c": 1]
    #expect(secret.decodedData == ["a": Array("hi".utf8), "b": [], "c": []])
    #expect(Secret(name: "s", namespace: "n").decodedData == [:])
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
