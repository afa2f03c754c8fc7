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

  private static func source(_ name: String, _ workload: JSONValue, isExpression: Bool = false) -> Source {
    Source(json: [
      "metadata": ["name": .string(name), "namespace": "shop"],
      "spec": ["workload": workload, "matchWorkloadNameAsRegex": .bool(isExpression)],
    ])
  }

  @Test func sourcesAreListedAsTheyAreDecidedBy() {
    let sources = [
      Self.source("like", ["kind": "Deployment", "name": "we.*", "namespace": "shop"], isExpression: true),
      Self.source("unlike", ["kind": "Deployment", "name": "we", "namespace": "shop"], isExpression: true),
      Self.source("named", ["kind": "Deployment", "name": "web", "namespace": "shop"]),
      Self.source("everything", ["kind": "Namespace", "name": "shop", "namespace": "shop"]),
      Self.source("other-kind", ["kind": "StatefulSet", "name": "web", "namespace": "shop"]),
      Self.source("broken", ["kind": "Deployment", "name": "(", "namespace": "shop"], isExpression: true),
    ]
    let report = SourceReport(
      kind: .deployment, key: ObjectKey(namespace: "shop", name: "web"), config: nil, sources: sources, pods: [],
      workload: [:])
    let listed = report.text.split(separator: "\n").filter { $0.hasPrefix("  ") }
    #expect(
      listed == [
        "  like: Deployment like we.* enabled", "  named: Deployment enabled", "  everything: Namespace enabled",
        "  broken: Deployment like ( enabled",
      ])
  }

  @Test(arguments: [
    ("deploy", "deployment"), ("STS", "statefulset"), ("ds", "daemonset"), ("cj", "cronjob"), ("Rollout", "rollout"),
    ("po", "pod"), ("staticpod", "staticpod"), ("dc", "deploymentconfig"), ("job", "job"),
  ]) func kindsHaveTheirShortNames(_ text: String, _ kind: String) throws {
    #expect(try KindArgument.parse(text).lowercased == kind)
  }

  @Test(arguments: ["namespace", "ns", "teapot", ""]) func otherKindsAreRefused(_ text: String) {
    let failure = #expect(throws: CommandFailure.self) { try KindArgument.parse(text) }
    #expect(failure?.description.contains("statefulset") == true)
  }

  @Test func agentsStandBelowTheirPods() {
    var pod = Pod(name: "web-1", namespace: "shop")
    pod.json.set(["metadata", "uid"], "u")
    var report = SourceReport(
      kind: .deployment, key: ObjectKey(namespace: "shop", name: "web"),
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
