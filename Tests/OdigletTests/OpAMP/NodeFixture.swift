import Concurrency
import Glibc
import JSON
import KubeClient
import KubeObjects
import OdigosObjects
import ProcessInspection
import TestSupport
import Testing

@testable import Odiglet

/// A node: its process file system in a temporary directory, its pods, and a directory for sockets.
final class NodeFixture: Sendable {
  static let containerID = String(repeating: "a1", count: 32)
  static let otherID = String(repeating: "b2", count: 32)
  static let podUID = "11111111-1111-1111-1111-111111111111"
  static let otherUID = "22222222-2222-2222-2222-222222222222"

  let directory: TemporaryDirectory
  let pods = PodDirectory()
  var path: String { directory.path }
  var tree: ProcessTree { ProcessTree(root: "\(path)/proc") }
  var socketPath: String { "\(path)/exchange/exchange.sock" }

  init() throws {
    directory = try TemporaryDirectory()
    directory.makeDirectory("proc")
    add(Self.pod("web-1", uid: Self.podUID, containers: ["app": Self.containerID]))
    add(Self.pod("other-1", uid: Self.otherUID, containers: ["app": Self.otherID], addresses: ["10.0.0.9"]))
  }

  func add(_ pod: Pod) { pods.set(pod.key, AgentPod(NodePod.trimmed(pod))) }

  static func pod(
    _ name: String, uid: String, containers: [String: String?], addresses: [String] = [], hostNetwork: Bool = false,
    configHash: String? = nil
  ) -> Pod {
    var pod = Pod(name: name, namespace: "shop")
    pod.json.set(["metadata", "uid"], .string(uid))
    pod.json.set(["metadata", "labels"], ["pod-template-hash": "1"])
    if let configHash { pod.json.set(["metadata", "annotations"], ["kubernetes.io/config.hash": .string(configHash)]) }
    let workload = name.split(separator: "-").first.map(String.init) ?? name
    pod.json.set(
      ["metadata", "ownerReferences"],
      [["apiVersion": "apps/v1", "kind": "StatefulSet", "name": .string(workload), "uid": "s", "controller": true]])
    let sorted = containers.sorted { $0.key < $1.key }
    pod.json.set(["spec", "containers"], .array(sorted.map { ["name": .string($0.key), "image": "i"] }))
    if hostNetwork { pod.json.set(["spec", "hostNetwork"], true) }
    pod.json.set(
      ["status", "containerStatuses"],
      .array(
        sorted.map { name, id in
          guard let id else { return ["name": .string(name), "state": ["waiting": [:]]] }
          return [
            "name": .string(name), "containerID": .string("containerd://\(id)"),
            "state": ["running": ["startedAt": "t"]],
          ]
        }))
    pod.json.set(["status", "podIPs"], .array(addresses.map { ["ip": .string($0)] }))
    return pod
  }

  /// Puts a process into a container; `ownPID` is its id there.
  func addProcess(
    _ pid: Int32, in container: String?, of uid: String = podUID, ownPID: Int32 = 1, start: Int = 4711
  ) throws {
    let place = "proc/\(pid)"
    let others = Array(repeating: "0", count: 17).joined(separator: " ")
    try directory.write("\(place)/stat", "\(pid) (python3) S 1 \(others) \(start) 0\n")
    try directory.write("\(place)/status", "Name:\tpython3\nNSpid:\t\(pid)\t\(ownPID)\n")
    let cgroup = container.map { "0::/kubepods/burstable/pod\(uid)/\($0)\n" } ?? "0::/system.slice/x.service\n"
    try directory.write("\(place)/cgroup", cgroup)
  }

  /// Gives the network of a process an address.
  func addNetwork(process: String, local: String) throws {
    try directory.write(
      "proc/\(process)/net/fib_trie",
      "Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 10.244.0.0\n        /24 link UNICAST\n"
        + "     |-- \(local)\n        /32 host LOCAL\n")
  }

  func removeProcess(_ pid: Int32) { directory.remove("proc/\(pid)") }
}

/// What the API server would be told.
final class FakeInstances: Sendable {
  struct State: Sendable {
    var objects: [ObjectKey: InstrumentationInstance] = [:]
    var writes = 0
  }
  let state = Locked(State())

  var objects: [ObjectKey: InstrumentationInstance] { state.withLock { $0.objects } }
  var writes: Int { state.withLock { $0.writes } }

  func instance(_ name: String) -> InstrumentationInstance? { objects[ObjectKey(namespace: "shop", name: name)] }

  var calls: InstanceReporter.Calls {
    InstanceReporter.Calls(
      apply: { instance throws(KubeError) in
        self.state.withLock { state in
          var object = instance
          object.json["status"] = state.objects[instance.key]?.json["status"]
          state.objects[instance.key] = object
          state.writes += 1
        }
      },
      applyStatus: { instance throws(KubeError) in
        let isThere = self.state.withLock { state in
          guard state.objects[instance.key] != nil else { return false }
          state.objects[instance.key]?.status = instance.status
          state.writes += 1
          return true
        }
        if !isThere { throw KubeError(status: 404, reason: "NotFound", message: "gone") }
      },
      delete: { key throws(KubeError) in self.state.withLock { $0.objects[key] = nil } },
      time: { "2026-01-01T00:00:00Z" })
  }
}
