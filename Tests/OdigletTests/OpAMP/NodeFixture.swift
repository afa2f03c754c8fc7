import Concurrency
import Glibc
import JSON
import KubeClient
import KubeObjects
import OdigosObjects
import ProcessInspection
import Testing

@testable import Odiglet

/// A node: its process file system in a temporary directory, its pods, and a directory for sockets.
final class NodeFixture: Sendable {
  static let containerID = String(repeating: "a1", count: 32)
  static let otherID = String(repeating: "b2", count: 32)
  static let podUID = "11111111-1111-1111-1111-111111111111"
  static let otherUID = "22222222-2222-2222-2222-222222222222"

  let path: String
  let pods = PodDirectory()
  var tree: ProcessTree { ProcessTree(root: "\(path)/proc") }
  var socketPath: String { "\(path)/exchange/exchange.sock" }

  init() throws {
    var template = Array("/tmp/odiglet-opamp-XXXXXX".utf8CString)
    try #require(mkdtemp(&template) != nil)
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    mkdir("\(path)/proc", 0o755)
    add(Self.pod("web-1", uid: Self.podUID, containers: ["app": Self.containerID]))
    add(Self.pod("other-1", uid: Self.otherUID, containers: ["app": Self.otherID], addresses: ["10.0.0.9"]))
  }

  deinit { removeTree(path) }

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
    let directory = "\(path)/proc/\(pid)"
    mkdir(directory, 0o755)
    let others = Array(repeating: "0", count: 17).joined(separator: " ")
    try write("\(directory)/stat", "\(pid) (python3) S 1 \(others) \(start) 0\n")
    try write("\(directory)/status", "Name:\tpython3\nNSpid:\t\(pid)\t\(ownPID)\n")
    let cgroup = container.map { "0::/kubepods/burstable/pod\(uid)/\($0)\n" } ?? "0::/system.slice/x.service\n"
    try write("\(directory)/cgroup", cgroup)
  }

  /// Gives the network of a process an address.
  func addNetwork(process: String, local: String) throws {
    for directory in ["\(path)/proc/\(process)", "\(path)/proc/\(process)/net"] { mkdir(directory, 0o755) }
    try write(
      "\(path)/proc/\(process)/net/fib_trie",
      "Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 10.244.0.0\n        /24 link UNICAST\n"
        + "     |-- \(local)\n        /32 host LOCAL\n")
  }

  func removeProcess(_ pid: Int32) { removeTree("\(path)/proc/\(pid)") }

  func write(_ path: String, _ text: String) throws {
    let file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
    try #require(file >= 0)
    defer { close(file) }
    try #require(Glibc.write(file, text, text.utf8.count) == text.utf8.count)
  }
}

private func removeTree(_ path: String) {
  if let directory = opendir(path) {
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      if name != ".", name != ".." { names.append(name) }
    }
    closedir(directory)
    for name in names { removeTree("\(path)/\(name)") }
  }
  if unlink(path) != 0 { rmdir(path) }
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
