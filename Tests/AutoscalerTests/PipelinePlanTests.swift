import CollectorConfig
import JSON
import KubeObjects
import OdigosObjects
import Testing

@testable import Autoscaler

@Suite struct PipelinePlanTests {
  private static let now = "2025-06-01T12:00:00Z"
  private let settings: AutoscalerSettings

  init() throws {
    let environment = ["ODIGOS_IMAGE": "localhost/odigos:1", "ODIGOS_VERSION": "v1"]
    settings = try AutoscalerSettings(processID: 1) { environment[$0] }
  }

  private func group(_ name: String, uid: String = "u1") -> CollectorsGroup {
    var group = CollectorsGroup(name: name, namespace: "odigos-system")
    group.json.set(["metadata", "uid"], .string(uid))
    return group
  }

  private func destination(_ name: String, type: String = "debug", secret: String? = nil) -> Destination {
    var destination = Destination(name: name, namespace: "odigos-system")
    destination.spec.type = type
    destination.spec.signals = ["TRACES"]
    if let secret { destination.json.set(["spec", "secretRef", "name"], .string(secret)) }
    return destination
  }

  private func snapshot(_ destinations: [Destination] = []) -> PipelineSnapshot {
    var snapshot = PipelineSnapshot()
    snapshot.gatewayGroup = group("odigos-gateway")
    snapshot.nodeGroup = group("odigos-data-collection")
    snapshot.destinations = destinations
    return snapshot
  }

  private func plan(_ snapshot: PipelineSnapshot) -> PipelinePlan {
    PipelinePlan.make(snapshot, settings: settings, kubernetes: (1, 20))
  }

  private func deployment(of group: CollectorsGroup, ready: Int) -> Deployment {
    var deployment = Deployment(name: "odigos-gateway", namespace: "odigos-system")
    deployment.metadata.ownerReferences = [OwnerReference(to: group)]
    deployment.json["status"] = ["readyReplicas": .int(ready)]
    return deployment
  }

  @Test func withoutAConfigurationCollectorsStayAsTheyAre() throws {
    var snapshot = snapshot([destination("a")])
    snapshot.configuration = nil
    snapshot.configurationProblem = "it is no YAML"
    snapshot.gatewayGroup?.json["status"] = ["ready": true, "receiverSignals": ["TRACES"]]
    let plan = plan(snapshot)
    let gateway = try #require(plan.gateway)
    #expect(gateway.objects.isEmpty && plan.nodes?.objects.isEmpty == true && plan.destinations.isEmpty)
    let status = try #require(gateway.status(failure: nil, now: Self.now))
    #expect(status["ready"] == true && status["receiverSignals"] == ["TRACES"], "what works goes on working")
    let condition = status["conditions"]?[0]
    #expect(condition?["status"] == "False" && condition?["reason"] == "WaitingForConfiguration")
    #expect(condition?["message"]?.string?.contains("it is no YAML") == true)
    #expect(plan.nodes?.status(failure: nil, now: Self.now)?["ready"] == false)
  }

  @Test func aProblemOfTheConfigurationIsInTheConditions() {
    var snapshot = snapshot()
    snapshot.configurationProblem = "it is gone; the last good one stays"
    for group in [plan(snapshot).gateway, plan(snapshot).nodes] {
      let condition = group?.status(failure: nil, now: Self.now)?["conditions"]?[0]
      #expect(condition?["status"] == "True" && condition?["message"]?.string?.contains("it is gone") == true)
    }
  }

  @Test func withoutGroupsNothingIsDeployed() {
    var snapshot = snapshot([destination("a")])
    snapshot.gatewayGroup = nil
    snapshot.nodeGroup = nil
    let plan = plan(snapshot)
    #expect(plan.gateway == nil)
    #expect(plan.nodes == nil)
    #expect(plan.destinations.map(\.status) == [.yes])
  }

  @Test func groupsThatAreGoingGetNothing() {
    var snapshot = snapshot()
    snapshot.gatewayGroup?.json.set(["metadata", "deletionTimestamp"], .string(Self.now))
    #expect(plan(snapshot).gateway == nil)
  }

  @Test func eachGroupGetsItsObjects() {
    let plan = plan(snapshot([destination("a")]))
    #expect(plan.gateway?.objects.map(\.object.type.kind) == ["ConfigMap", "Service", "Deployment"])
    #expect(plan.nodes?.objects.map(\.object.type.kind) == ["ConfigMap", "DaemonSet"])
    #expect(plan.gateway?.signals == [.traces])
    #expect(plan.nodes?.signals == [.traces])
    let owners = (plan.gateway?.objects ?? []).map { $0.object.metadata.ownerReferences.map(\.uid) }
    #expect(owners == [["u1"], ["u1"], ["u1"]])
  }

  @Test func theCollectorImageOfTheConfigurationWins() {
    var snapshot = snapshot([destination("a")])
    #expect(image(plan(snapshot)) == "localhost/odigos:1")
    snapshot.configuration?.collectorImage = "otel/opentelemetry-collector-contrib:1"
    #expect(image(plan(snapshot)) == "otel/opentelemetry-collector-contrib:1")
  }

  private func image(_ plan: PipelinePlan) -> String? {
    plan.gateway?.objects.last?.object.json.at("spec", "template", "spec")?["containers"]?[0]?["image"]?.string
  }

  @Test func processorsOfOtherImagesNeedAnotherImage() {
    var processor = Processor(name: "p", namespace: "odigos-system")
    processor.spec.type = "transform"
    processor.spec.signals = ["TRACES"]
    processor.spec.collectorRoles = ["CLUSTER_GATEWAY"]
    var snapshot = snapshot([destination("a")])
    snapshot.processors = [processor]
    #expect(plan(snapshot).processors.map(\.status) == [.no])
    snapshot.configuration?.collectorImage = "otel/opentelemetry-collector-contrib:1"
    #expect(plan(snapshot).processors.map(\.status) == [.yes])
  }

  @Test func readinessIsLatched() throws {
    var snapshot = snapshot([destination("a")])
    let group = try #require(snapshot.gatewayGroup)
    #expect(plan(snapshot).gateway?.status(failure: nil, now: Self.now)?["ready"] == false)
    snapshot.gatewayDeployment = deployment(of: group, ready: 1)
    #expect(plan(snapshot).gateway?.status(failure: nil, now: Self.now)?["ready"] == true)
    snapshot.gatewayGroup?.status.ready = true
    snapshot.gatewayDeployment = deployment(of: group, ready: 0)
    #expect(plan(snapshot).gateway?.status(failure: nil, now: Self.now)?["ready"] == true)
  }

  @Test func aNewGroupDoesNotTakeOverTheReadinessOfAnOldOne() throws {
    var snapshot = snapshot([destination("a")])
    snapshot.gatewayDeployment = deployment(of: group("odigos-gateway", uid: "former"), ready: 1)
    #expect(plan(snapshot).gateway?.status(failure: nil, now: Self.now)?["ready"] == false)
  }

  @Test func aStatusThatIsTrueAlreadyIsNotWritten() throws {
    var snapshot = snapshot([destination("a")])
    let status = try #require(plan(snapshot).gateway?.status(failure: nil, now: Self.now))
    #expect(status["receiverSignals"] == ["TRACES"])
    snapshot.gatewayGroup?.json["status"] = status
    #expect(plan(snapshot).gateway?.status(failure: nil, now: "2025-06-01T13:00:00Z") == nil)

    // Another message of the same status keeps the time at which the status began.
    let group = try #require(snapshot.gatewayGroup)
    snapshot.gatewayDeployment = deployment(of: group, ready: 1)
    let later = try #require(plan(snapshot).gateway?.status(failure: nil, now: "2025-06-01T13:00:00Z"))
    #expect(later["conditions"]?[0]?["lastTransitionTime"]?.string == Self.now)
    #expect(later["conditions"]?[0]?["message"] == "1 of 1 gateway pods are ready")
  }

  @Test func aFailureIsToldAndIsNotReady() throws {
    var snapshot = snapshot([destination("a")])
    let group = try #require(snapshot.gatewayGroup)
    snapshot.gatewayDeployment = deployment(of: group, ready: 1)
    let status = try #require(plan(snapshot).gateway?.status(failure: "forbidden", now: Self.now))
    #expect(status["ready"] == false)
    #expect(status["conditions"]?[0]?["status"] == "False")
    #expect(status["conditions"]?[0]?["reason"] == "GatewayDeployedCreationFailed")
    #expect(status["conditions"]?[0]?["message"] == "forbidden")
  }

  @Test func conditionsOfDestinations() throws {
    let destinations = [destination("a"), destination("b", type: "datadog"), destination("c", secret: "absent")]
    let plan = plan(snapshot(destinations))
    #expect(plan.destinations.map(\.status) == [.yes, .no, .no])
    #expect(
      plan.destinations.map(\.reason) == [
        "TransformedToOtelcolConfig", "ErrConfigDestination", "ErrConfigDestination",
      ])
    let bad = try #require(plan.destinations.dropFirst().first)
    #expect(bad.message.contains("datadog"))
    let condition = try #require(bad.change(from: [], now: Self.now))
    #expect(condition.type == "DestinationConfigured")
    #expect(bad.change(from: [condition], now: "2025-06-01T13:00:00Z") == nil)
  }

  @Test func aChangedSecretRestartsTheGatewayAndNothingElse() throws {
    var destination = destination("a", type: "otlphttp", secret: "s")
    destination.spec.data = [
      "OTLP_HTTP_ENDPOINT": "http://sink", "OTLP_HTTP_HEADERS": "[{\"key\":\"k\",\"value\":\"${TOKEN}\"}]",
    ]
    var snapshot = snapshot([destination])
    snapshot.secrets = ["s": SecretFacts(keys: ["TOKEN"], version: "1"), "other": SecretFacts(keys: [], version: "1")]
    let first = plan(snapshot)
    snapshot.secrets["other"]?.version = "2"
    #expect(plan(snapshot) == first)
    snapshot.secrets["s"]?.version = "2"
    let second = plan(snapshot)
    #expect(second.gateway?.objects.last != first.gateway?.objects.last)
    #expect(second.gateway?.objects.dropLast() == first.gateway?.objects.dropLast())
    #expect(second.nodes == first.nodes)
  }

  @Test func aMissingSecretDoesNotStopCollecting() {
    let plan = plan(snapshot([destination("c", secret: "absent")]))
    #expect(plan.nodes?.signals == [.traces])
    #expect(plan.gateway?.signals == [.traces])
  }
}

@Suite struct SecretFactsTests {
  @Test(arguments: [
    ("", false), ("YWJj", false), ("YWJjCg==", true), ("YQBi", true), ("YWJjfw==", true), ("w6TDtg==", false),
    ("Cg==", true), ("IA==", false),
  ])
  func controlCharacters(base64: String, expected: Bool) {
    #expect(Base64Text.hasControlCharacters(base64) == expected)
  }

  @Test func valuesAreNotKept() {
    var secret = Secret(name: "s", namespace: "odigos-system")
    secret.json["data"] = ["GOOD": "YWJj", "BAD": "YWJjCg=="]
    secret.json.set(["metadata", "uid"], "u")
    secret.json.set(["metadata", "resourceVersion"], "7")
    secret.json.set(["metadata", "annotations"], ["kubectl.kubernetes.io/last-applied-configuration": "YWJj"])
    let kept = secret.withoutValues()
    #expect(!String(decoding: kept.json.serialized(), as: UTF8.self).contains("YWJj"))
    let facts = SecretFacts(kept)
    #expect(facts == SecretFacts(secret))
    #expect(facts == SecretFacts(keys: ["GOOD", "BAD"], unprintableKeys: ["BAD"], version: "u/7"))
  }
}

@Suite struct AutoscalerSettingsTests {
  @Test func theImageIsNeeded() {
    let error = #expect(throws: AutoscalerSettingsError.self) { try AutoscalerSettings(processID: 1) { _ in nil } }
    #expect(error?.description.contains("ODIGOS_IMAGE") == true)
  }

  @Test func thePullPolicyIsChecked() {
    let environment = ["ODIGOS_IMAGE": "i", "ODIGOS_IMAGE_PULL_POLICY": "Sometimes"]
    let error = #expect(throws: AutoscalerSettingsError.self) {
      try AutoscalerSettings(processID: 1) { environment[$0] }
    }
    #expect(error?.description.contains("ODIGOS_IMAGE_PULL_POLICY") == true)
  }

  @Test func whatIsNotSetHasItsDefault() throws {
    let environment = ["ODIGOS_IMAGE": "i", "POD_NAME": ""]
    let settings = try AutoscalerSettings(processID: 7) { environment[$0] }
    #expect(settings.namespace == "odigos-system")
    #expect(settings.identity == "odigos-autoscaler-7")
    #expect(settings.imagePullPolicy == nil)
  }
}
