import JSON
import KubeObjects
import OdigosObjects
import Testing

@testable import OdigosCLI

@Suite struct SourceReportTests {
  private static func instance(_ name: String, owner: String, status: JSONValue) -> InstrumentationInstance {
    var instance = InstrumentationInstance(name: name, namespace: "shop")
    instance.spec.containerName = "app"
    instance.json["status"] = status
    instance.json.set(
      ["metadata", "ownerReferences"], [["apiVersion": "v1", "kind": "Pod", "name": "web-1", "uid": .string(owner)]])
    return instance
  }

  @Test func agentsStandBelowTheirPods() {
    var pod = Pod(name: "web-1", namespace: "shop")
    pod.json.set(["metadata", "uid"], "u")
    var report = SourceReport(
      type: Deployment.type, key: ObjectKey(namespace: "shop", name: "web"),
      config: InstrumentationConfig(name: "deployment-web", namespace: "shop"), sources: [], pods: [pod],
      workload: [:])
    #expect(!report.text.contains("agent "))
    report.instances = [
      Self.instance(
        "web-1-9", owner: "u", status: ["healthy": false, "reason": "AgentFailure", "message": "no exporter"]),
      Self.instance(
        "web-1-7", owner: "u",
        status: [
          "healthy": true, "reason": "Healthy",
          "components": [
            ["name": "flask", "type": "instrumentation", "healthy": true],
            ["name": "exporter/otlp", "type": "exporter", "healthy": false, "message": "refused"],
          ],
          "conditions": [
            ["type": "RemoteConfigApplied", "status": "False", "reason": "FAILED", "message": "ab01 bad fraction"]
          ],
        ]),
      Self.instance("web-1-8", owner: "u", status: [:]),
      Self.instance("other-1-7", owner: "another", status: ["healthy": true]),
    ]
    let lines = report.text.split(separator: "\n").map(String.init)
    let start = lines.firstIndex { $0.contains("agent ") } ?? lines.endIndex
    #expect(
      Array(lines[start...]) == [
        "    agent web-1-7 in app: healthy, Healthy", "      exporter/otlp: unhealthy, refused",
        "      configuration: FAILED ab01 bad fraction", "    agent web-1-8 in app: not known yet",
        "    agent web-1-9 in app: unhealthy, AgentFailure, no exporter",
      ])
  }
}
