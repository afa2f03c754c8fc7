import CollectorConfig
import JSON
import KubeObjects
import OdigosObjects
import Policy
import Testing

@testable import Scheduler

@Suite struct ConfigurationDecisionTests {
  private func configMap(_ name: String, _ text: String?) -> ConfigMap {
    var configMap = ConfigMap(name: name, namespace: "odigos-system")
    if let text { configMap.json["data"] = ["config.yaml": .string(text)] }
    return configMap
  }

  private func decide(_ text: String?, overlays: [String] = [], live: ConfigMap? = nil) -> ConfigurationDecision {
    ConfigurationDecision.make(
      user: configMap("odigos-config", text), overlays: overlays.map { configMap("overlay", $0) }, live: live,
      namespace: "odigos-system")
  }

  private func text(_ decision: ConfigurationDecision) -> String {
    decision.effective?.object.json.at("data", "config.yaml")?.string ?? ""
  }

  @Test func aGoodConfigurationIsInEffectWithItsDefaults() {
    let decision = decide("mountMethod: k8s-host-path\nignoredNamespaces: [private]\n")
    #expect(decision.isAccepted)
    #expect(decision.findings == "")
    #expect(decision.configuration?.mountMethod == .hostPath)
    #expect(text(decision).contains("mountMethod: k8s-host-path"))
    #expect(text(decision).contains("- kube-system"))
    #expect(text(decision).contains("- odigos-system"))
    let annotations = decision.effective?.object.metadata.annotations
    #expect(annotations?["odigos.io/configuration-status"] == "Applied")
    #expect(annotations?["odigos.io/configuration-problems"] == nil)
  }

  @Test func theSameConfigurationGivesTheSameObject() {
    let first = decide("profiles: [size_m]\n")
    let again = decide("profiles:\n- size_m\n", live: first.effective.map { ConfigMap(json: $0.object.json) })
    #expect(first.effective == again.effective)
    #expect(again.effective?.differs(from: first.effective?.object.json) == false)
  }

  @Test(arguments: [
    ("mountMethod: by-magic", "mountMethod"), ("collectorGateway: {requestMemoryMiB: a lot}", "requestMemoryMiB"),
  ])
  func aWrongValueCostsOnlyItself(bad: String, finding: String) {
    let good = decide("clusterName: here\nmountMethod: k8s-host-path\n")
    let live = good.effective.map { ConfigMap(json: $0.object.json) }
    let decision = decide("clusterName: there\n\(bad)\n", live: live)
    #expect(decision.isAccepted && decision.hasErrors)
    #expect(decision.configuration?.clusterName == "there")
    #expect(decision.configuration?.mountMethod == (finding == "mountMethod" ? .hostPath : .virtualDevice))
    let annotations = decision.effective?.object.metadata.annotations
    #expect(annotations?["odigos.io/configuration-status"] == "PartlyApplied")
    #expect(annotations?["odigos.io/configuration-problems"]?.contains(finding) == true, "\(decision.findings)")
  }

  @Test(arguments: [("a: [b", "no YAML"), ("- a\n- b\n", "object")])
  func aConfigurationThatCannotBeReadKeepsTheLastGoodOne(bad: String, finding: String) {
    let good = decide("clusterName: here\n")
    let live = good.effective.map { ConfigMap(json: $0.object.json) }
    let decision = decide(bad, live: live)
    #expect(!decision.isAccepted)
    #expect(decision.configuration?.clusterName == "here")
    #expect(text(decision) == text(good))
    #expect(decision.profiles == nil)
    let annotations = decision.effective?.object.metadata.annotations
    #expect(annotations?["odigos.io/configuration-status"] == "Refused")
    #expect(annotations?["odigos.io/configuration-problems"]?.contains(finding) == true, "\(decision.findings)")
  }

  @Test(arguments: ["- a", "a: [b", ""]) func whatIsInEffectMayBeBrokenToo(live: String) {
    let broken = configMap("effective-config", live)
    let decision = decide("a: [b", live: broken)
    #expect(decision.configuration == nil, "no defaults in its place")
    #expect(decision.effective == nil && decision.profiles == nil && !decision.isAccepted)
    #expect(decision.findings.contains("no YAML") && decision.findings.contains("is lost"), "\(decision.findings)")
    let healed = decide("clusterName: here", live: broken)
    #expect(healed.isAccepted && text(healed).contains("clusterName: here"))
    #expect(healed.findings.contains("effective-config"))
  }

  @Test func aFirstConfigurationThatCannotBeReadWritesNothing() {
    let decision = decide("a: [b")
    #expect(decision.configuration == nil)
    #expect(decision.effective == nil)
    #expect(decision.findings.contains("no YAML"))
  }

  @Test func anOverlayThatCannotBeReadDoesNotStopTheOthers() {
    let decision = decide("clusterName: user\n", overlays: ["a: [b", "uiPaginationLimit: 7\n"])
    #expect(decision.isAccepted && decision.hasErrors)
    #expect(decision.configuration?.clusterName == "user" && decision.configuration?.uiPaginationLimit == 7)
    #expect(decision.findings.contains("ConfigMap overlay is no YAML"))
  }

  @Test func aConfigMapWithoutTheKeyIsAnError() {
    let decision = decide(nil)
    #expect(!decision.isAccepted)
    #expect(decision.findings.contains("no key config.yaml"))
  }

  @Test func withoutAConfigMapEverythingHasItsDefault() {
    let decision = ConfigurationDecision.make(user: nil, overlays: [], live: nil, namespace: "odigos-system")
    #expect(decision.isAccepted)
    #expect(decision.configuration?.mountMethod == .virtualDevice)
    #expect(decision.findings.contains("no ConfigMap odigos-config"))
  }

  @Test func overlaysWinFieldByField() {
    let decision = decide(
      "clusterName: user\nrollbackDisabled: true\n", overlays: ["clusterName: remote\n", "uiPaginationLimit: 7\n"])
    #expect(decision.configuration?.clusterName == "remote")
    #expect(decision.configuration?.rollbackDisabled == true)
    #expect(decision.configuration?.uiPaginationLimit == 7)
  }

  @Test func unknownProfilesAreWarnings() {
    let decision = decide("profiles: [no-such-thing]\n")
    #expect(decision.isAccepted)
    #expect(decision.findings.contains("no-such-thing"))
    #expect(decision.effective?.object.metadata.annotations["odigos.io/configuration-status"] == "Applied")
  }

  @Test func sizesThatContradictAreWarnings() {
    let decision = decide("collectorNode: {requestMemoryMiB: 500, limitMemoryMiB: 400}\n")
    #expect(decision.isAccepted)
    #expect(decision.findings.contains("collectorNode.requestMemoryMiB 500 is above"))
  }

  @Test func profilesBringObjects() {
    let decision = decide("profiles: [small-batches]\n")
    let object = decision.profiles?.objects.first?.object
    #expect(decision.profiles?.objects.count == 1)
    #expect(object?.type == Processor.type)
    #expect(object?.metadata.labels["odigos.io/profiles-hash"] == decision.profiles?.hash)
  }
}
