import JSON
import KubeObjects
import Policy
import TestSupport
import Testing

@testable import Odiglet

@Suite struct NodePodTests {
  private static let id = String(repeating: "ab", count: 32)
  private static let other = String(repeating: "cd", count: 32)
  private static let pod: JSONValue =
    (try? JSONValue(
      parsing: """
        {"apiVersion": "v1", "kind": "Pod",
         "metadata": {
           "name": "web-7d4b9c6f5-x2x4z", "namespace": "shop", "uid": "u", "resourceVersion": "7",
           "creationTimestamp": "2026-01-01T00:00:00Z", "labels": {"pod-template-hash": "7d4b9c6f5", "app": "web"},
           "annotations": {"big": "x"}, "managedFields": [{"manager": "x"}],
           "ownerReferences": [
             {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-7d4b9c6f5", "uid": "r", "controller": true}]},
         "spec": {
           "nodeName": "node1",
           "containers": [
             {"name": "app", "image": "shop/web:1", "args": ["a"],
              "env": [{"name": "A", "value": "secret"},
                      {"name": "B", "valueFrom": {"fieldRef": {"fieldPath": "x"}}}]},
             {"name": "sidecar", "image": "shop/side:1"}]},
         "status": {
           "phase": "Running",
           "containerStatuses": [
             {"name": "sidecar", "imageID": "", "image": "shop/side:1", "containerID": "containerd://\(other)",
              "state": {"waiting": {"reason": "CrashLoopBackOff"}}},
             {"name": "app", "imageID": "shop/web@sha256:1", "image": "shop/web:1", "containerID": "containerd://\(id)",
              "state": {"running": {"startedAt": "2026-01-01T00:00:01Z"}}}]}}
        """)) ?? .null

  @Test func noticesAnotherCommandWithoutRepeatingIt() {
    func command(_ command: JSONValue, _ arguments: JSONValue) -> String {
      let container: JSONValue = ["name": "app", "command": command, "args": arguments]
      return NodePod(Pod(json: ["spec": ["containers": [container]]])).containers.first?.command ?? ""
    }
    let all = [
      command(["run"], ["--password=x"]), command(["run"], ["--password=y"]), command(["run", "--password=x"], []),
      command([], ["run", "--password=x"]), command(["ru", "n"], ["--password=x"]),
    ]
    #expect(Set(all).count == all.count)
    #expect(all.allSatisfy { $0.utf8.count == 16 && !$0.contains("x") })
    #expect(command(["run"], ["--password=x"]) == all[0])
  }

  private static func environment(_ container: JSONValue) -> String {
    NodePod(Pod(json: ["spec": ["containers": [container]]])).containers.first?.environment ?? ""
  }

  @Test func noticesOtherVariablesThatMatter() {
    func environment(_ entries: JSONValue, _ sources: JSONValue = []) -> String {
      Self.environment(["name": "app", "env": entries, "envFrom": sources])
    }
    #expect(environment([["name": "PASSWORD", "value": "x"]]) == environment([]))
    // Having none is something as well.
    let all = [
      environment([]),
      environment([["name": "PYTHONPATH", "value": "/a"]]), environment([["name": "PYTHONPATH", "value": "/b"]]),
      environment([["name": "NODE_OPTIONS", "value": "/a"]]),
      environment([["name": "DD_TRACE_AGENT_URL", "value": "/a"]]),
      environment([["name": "PYTHONPATH", "valueFrom": ["secretKeyRef": ["name": "s", "key": "a"]]]]),
      environment([["name": "PYTHONPATH", "valueFrom": ["secretKeyRef": ["name": "s", "key": "b"]]]]),
      environment([], [["configMapRef": ["name": "a"]]]), environment([], [["configMapRef": ["name": "b"]]]),
      environment([], [["secretRef": ["name": "a"]]]),
    ]
    #expect(Set(all).count == all.count)
    #expect(all.allSatisfy { $0.utf8.count == 16 })
    #expect(environment([["name": "PASSWORD", "value": "y"], ["name": "PYTHONPATH", "value": "/a"]]) == all[1])
  }

  /// A pod that was instrumented must not look like another program than before.
  @Test func whatWeAddToAContainerIsNoOtherEnvironment() {
    let plain: JSONValue = [
      "name": "app",
      "env": [
        ["name": "PYTHONPATH", "value": "/app"],
        ["name": "JAVA_TOOL_OPTIONS", "valueFrom": ["secretKeyRef": ["name": "s", "key": "k"]]],
      ],
    ]
    let instrumented: JSONValue = [
      "name": "app",
      "env": [
        [
          "name": "PYTHONPATH",
          "value":
            "/app:/var/odigos/python:/var/odigos/python/opentelemetry/instrumentation/auto_instrumentation",
        ],
        ["name": "ORIGINAL_JAVA_TOOL_OPTIONS", "valueFrom": ["secretKeyRef": ["name": "s", "key": "k"]]],
        [
          "name": "JAVA_TOOL_OPTIONS",
          "value": "$(ORIGINAL_JAVA_TOOL_OPTIONS) -javaagent:/var/odigos/java/javaagent.jar",
        ],
        ["name": "ODIGOS_CONTAINER_NAME", "value": "app"],
        ["name": "NODE_OPTIONS", "value": "--require /var/odigos/x"],
        ["name": "LD_PRELOAD", "value": "/var/odigos/loader/loader.so"],
      ],
    ]
    #expect(Self.environment(plain) == Self.environment(instrumented))
    #expect(Self.environment(plain) != Self.environment(["name": "app"]))
  }

  @Test func readsAPod() {
    let pod = NodePod(Pod(json: Self.pod))
    #expect(pod.configKey == ObjectKey(namespace: "shop", name: "deployment-web"))
    #expect(!pod.isDeleted)
    #expect(
      pod.containers == [
        NodePod.Container(
          name: "app", variableNames: ["A", "B"], runningID: Self.id, image: "shop/web@sha256:1",
          command: "382df6a6aea0d124", environment: Self.environment(["name": "app"])),
        NodePod.Container(
          name: "sidecar", variableNames: [], runningID: nil, image: "shop/side:1", command: "6883566a3914f4b9",
          environment: Self.environment(["name": "sidecar"])),
      ])
  }

  @Test func keepsWhatItReadsAndNoMore() {
    let trimmed = NodePod.trimmed(Pod(json: Self.pod))
    #expect(NodePod(trimmed) == NodePod(Pod(json: Self.pod)))
    let text = String(decoding: trimmed.json.serialized(), as: UTF8.self)
    #expect(trimmed.metadata.resourceVersion == "7")
    for dropped in ["secret", "managedFields", "big", "fieldPath", "startedAt"] { #expect(!text.contains(dropped)) }
  }

  @Test func survivesPodsWithoutAnything() {
    let pod = NodePod(NodePod.trimmed(Pod(json: [:])))
    #expect(pod.containers.isEmpty && pod.configKey == nil)
    #expect(NodePod(Pod(json: ["spec": ["containers": [[:], "x"]], "status": "gone"])).containers.isEmpty)
  }

  @Test func seesDeletion() {
    var json = Self.pod
    json.set(["metadata", "deletionTimestamp"], "2026-01-01T01:00:00Z")
    #expect(NodePod(NodePod.trimmed(Pod(json: json))).isDeleted)
  }
}

@Suite struct OdigletConfigurationTests {
  private func read(_ variables: [String: String]) throws(ConfigurationError) -> OdigletConfiguration {
    try OdigletConfiguration { variables[$0] }
  }

  @Test func hasDefaults() throws {
    let configuration = try read(["NODE_NAME": "node1"])
    #expect(configuration.deviceCapacity == nil)
    #expect(configuration.hostDirectory == "/var/odigos")
    #expect(configuration.procDirectory == "/proc")
    #expect(configuration.devicePluginDirectory == "/var/lib/kubelet/device-plugins")
    // In the node agent's container, and outside of any.
    let containerd = "/run/containerd/containerd.sock"
    #expect(Array(configuration.runtimeSockets.prefix(2)) == ["/host\(containerd)", containerd])
    #expect(configuration.runtimeSockets.contains("/host/run/cri-dockerd.sock"))
  }

  @Test func takesSettings() throws {
    let configuration = try read([
      "NODE_NAME": "node1", "ODIGOS_DEVICE_CAPACITY": "10", "ODIGOS_PROC_DIR": "/host/proc",
      "CONTAINER_RUNTIME_SOCK": "unix:///run/x.sock", "ODIGOS_HOST_DIR": "",
    ])
    #expect(configuration.deviceCapacity == 10)
    #expect(configuration.procDirectory == "/host/proc")
    #expect(configuration.runtimeSockets == ["/run/x.sock", "/host/run/x.sock", "/host/proc/1/root/run/x.sock"])
    #expect(configuration.hostDirectory == "/var/odigos")
  }

  /// A path of the node, wherever that is for the node agent.
  @Test func findsTheSocketThatIsGiven() throws {
    let configuration = try read(["NODE_NAME": "node1", "CONTAINER_RUNTIME_SOCK": "/var/run/k0s/x.sock"])
    #expect(
      configuration.runtimeSockets == ["/var/run/k0s/x.sock", "/host/run/k0s/x.sock", "/proc/1/root/run/k0s/x.sock"])
    #expect(try read(["NODE_NAME": "node1", "CONTAINER_RUNTIME_SOCK": ""]).runtimeSockets.count > 3)
  }

  @Test(
    arguments: [
      ([:], "NODE_NAME"), (["NODE_NAME": ""], "NODE_NAME"),
      (["NODE_NAME": "n", "ODIGOS_DEVICE_CAPACITY": "many"], "ODIGOS_DEVICE_CAPACITY"),
      (["NODE_NAME": "n", "ODIGOS_DEVICE_CAPACITY": "0"], "ODIGOS_DEVICE_CAPACITY"),
      (["NODE_NAME": "n", "ODIGOS_DEVICE_CAPACITY": "9999999"], "ODIGOS_DEVICE_CAPACITY"),
    ] as [([String: String], String)])
  func namesWhatIsWrong(variables: [String: String], name: String) {
    let error = #expect(throws: ConfigurationError.self) { try read(variables) }
    #expect(error?.description.contains(name) == true)
  }
}
