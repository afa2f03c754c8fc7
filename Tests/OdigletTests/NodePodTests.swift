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

  @Test func readsAPod() {
    let pod = NodePod(Pod(json: Self.pod))
    #expect(pod.configKey == ObjectKey(namespace: "shop", name: "deployment-web"))
    #expect(!pod.isDeleted)
    #expect(
      pod.containers == [
        NodePod.Container(
          name: "app", variableNames: ["A", "B"], runningID: Self.id, image: "shop/web@sha256:1",
          command: "b48a9f774b684386"),
        NodePod.Container(
          name: "sidecar", variableNames: [], runningID: nil, image: "shop/side:1", command: "082f2307b4e88e77"),
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
    #expect(configuration.runtimeSockets.contains("/run/containerd/containerd.sock"))
  }

  @Test func takesSettings() throws {
    let configuration = try read([
      "NODE_NAME": "node1", "ODIGOS_DEVICE_CAPACITY": "10", "ODIGOS_PROC_DIR": "/host/proc",
      "CONTAINER_RUNTIME_SOCK": "unix:///run/x.sock", "ODIGOS_HOST_DIR": "",
    ])
    #expect(configuration.deviceCapacity == 10)
    #expect(configuration.procDirectory == "/host/proc")
    #expect(configuration.runtimeSockets == ["/run/x.sock"])
    #expect(configuration.hostDirectory == "/var/odigos")
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
