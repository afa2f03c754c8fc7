import JSON
import KubeObjects
import OdigosObjects
import OpAMP
import Testing

@testable import Odiglet

struct InstanceObjectTests {
  private static let place = AgentPlace(
    pod: ObjectKey(namespace: "shop", name: "web-1"), podUID: "u", container: "app", pid: 7)

  private static func session(_ change: (inout AgentToServer) -> Void = { _ in }) -> AgentSession<AgentPlace>? {
    var registry = AgentRegistry<AgentPlace>()
    var message = AgentToServer()
    message.instanceUID = [1]
    message.capabilities = [.reportsStatus, .reportsHealth]
    var description = AgentDescription()
    description.identifyingAttributes = [AgentAttribute("process.vpid", .integer(7))]
    description.nonIdentifyingAttributes = [AgentAttribute("process.runtime.version", .string("3.11"))]
    message.description = description
    message.health = AgentHealth(isHealthy: true, status: "Healthy")
    change(&message)
    _ = registry.admit(message, at: place, from: "", endpoint: "", config: nil, newUID: [], at: .zero)
    return registry.session(at: place)
  }

  @Test func theObjectIsThePods() {
    let object = InstanceObject.object(named: "web-1-7", at: Self.place, configName: "statefulset-web")
    #expect(object.key == ObjectKey(namespace: "shop", name: "web-1-7"))
    #expect(object.metadata.labels == ["instrumented-app": "statefulset-web", "ownerPodName": "web-1"])
    #expect(object.metadata.ownerReferences.map(\.uid) == ["u"])
    #expect(object.metadata.ownerReferences.first?.isController == true)
    #expect(object.spec.containerName == "app")
  }

  @Test func namesThatAreTooLongForLabelsAreLeftOut() {
    var place = Self.place
    place.pod = ObjectKey(namespace: "shop", name: String(repeating: "p", count: 64))
    let object = InstanceObject.object(named: "n", at: place, configName: String(repeating: "c", count: 64))
    #expect(object.metadata.labels.isEmpty)
  }

  @Test func theStatusTellsWhatTheAgentSays() {
    let session = Self.session { message in
      message.health?.components = [
        "opentelemetry.instrumentation.flask": ComponentStatus(isHealthy: true),
        "exporter/otlp": ComponentStatus(isHealthy: false, lastError: "refused"),
        "sampler/head": ComponentStatus(isHealthy: true, status: #"{"fraction": 0.5, "kind": "ratio"}"#),
      ]
      message.remoteConfigStatus = RemoteConfigStatus(
        lastHash: [0xab, 0x01], state: .failed, errorMessage: "no such library")
      var effective = EffectiveConfig()
      effective.config.sections[""] = ConfigSection(body: Array("{}".utf8), contentType: "application/json")
      message.effectiveConfig = effective
    }
    let status = InstanceObject.status(session, previous: nil, now: "t1")
    #expect(status.healthy == true)
    #expect(status.reason == "Healthy")
    #expect(status.message == nil)
    #expect(status.lastStatusTime == "t1")
    #expect(status.identifyingAttributes.map(\.json) == [["key": "process.vpid", "value": "7"]])
    #expect(
      status.nonIdentifyingAttributes.map(\.json) == [
        ["key": "process.runtime.version", "value": "3.11"], ["key": "odigos.effective_config", "value": "{}"],
      ])
    #expect(status.components.map(\.type) == ["exporter", "instrumentation", "sampler"])
    #expect(status.components.map(\.healthy) == [false, true, true])
    #expect(status.components[0].message == "refused")
    #expect(
      status.components[2].nonIdentifyingAttributes.map(\.json) == [
        ["key": "fraction", "value": "0.5"], ["key": "kind", "value": "ratio"],
      ])
    let condition = status.conditions.first
    #expect(condition?.json["status"] == "False")
    #expect(condition?.reason == "FAILED")
    #expect(condition?.message == "ab01 no such library")
  }

  @Test func timesTellWhenSomethingChanged() {
    let first = InstanceObject.status(Self.session(), previous: nil, now: "t1")
    let second = InstanceObject.status(Self.session(), previous: first, now: "t2")
    #expect(second == first)
    let third = InstanceObject.status(
      Self.session { $0.health = AgentHealth(isHealthy: false, lastError: "x") }, previous: second, now: "t3")
    #expect(third.lastStatusTime == "t3")
    #expect(third.healthy == false)
  }

  @Test func whoHasNotComeBackKeepsItsAttributes() {
    let before = InstanceObject.status(Self.session(), previous: nil, now: "t1")
    let status = InstanceObject.status(nil, previous: before, now: "t2")
    #expect(status.healthy == false)
    #expect(status.reason == "NoConnectionToOpAMPServer")
    #expect(status.identifyingAttributes == before.identifyingAttributes)
  }
}
