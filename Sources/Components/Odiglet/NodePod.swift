import JSON
import KubeObjects
import Policy

/// What the odiglet needs of a pod of its node.
struct NodePod: Sendable, Equatable {
  struct Container: Sendable, Equatable {
    var name: String
    /// The names of the variables in the manifest.
    var variableNames: Set<String> = []
    /// The container's id without the runtime's name; nil while it does not run.
    var runningID: String?
    /// Which image it runs, by content where the runtime tells.
    var image: String
    /// A fingerprint of `command` and `args`, which may hold secrets and are repeated nowhere.
    var command = ""
    /// A fingerprint of the variables that its manifest sets and that matter to detection, without ours.
    var environment = ""
  }

  var key: ObjectKey
  var uid: String
  /// `metadata.creationTimestamp`; RFC 3339 in UTC and seconds, so its order is the text's.
  var created: String
  var isDeleted: Bool
  /// The workload that it belongs to; nil for others.
  var workload: WorkloadReference?
  var containers: [Container]

  init(_ pod: Pod) {
    key = pod.key
    uid = pod.metadata.uid ?? ""
    created = pod.metadata.creationTimestamp ?? ""
    isDeleted = pod.metadata.deletionTimestamp != nil
    workload = WorkloadReference(ownerOf: pod)
    let statuses = pod.json.at("status", "containerStatuses")?.array ?? []
    containers = (pod.json.at("spec", "containers")?.array ?? []).compactMap { spec in
      guard let name = spec["name"]?.string else { return nil }
      let status = statuses.first { $0["name"]?.string == name }
      let isRunning = status?.at("state", "running") != nil
      // "containerd://<id>", and so for the image in some versions.
      let id = status?["containerID"]?.string?.split(separator: "/").last.map(String.init)
      let image = [status?["imageID"]?.string, status?["image"]?.string, spec["image"]?.string]
        .compactMap(\.self).first { !$0.isEmpty }
      return Container(
        name: name, variableNames: Set((spec["env"]?.array ?? []).compactMap { $0["name"]?.string }),
        runningID: isRunning ? id : nil, image: image ?? "", command: Fingerprint.command(spec),
        environment: spec[Self.environmentKey]?.string ?? Fingerprint.environment(spec))
    }
  }

  /// Where a trimmed container has the fingerprint of what was dropped.
  private static let environmentKey = "odiglet.environment"

  /// The InstrumentationConfig that the pod's workload has, if it is marked.
  var configKey: ObjectKey? {
    workload.map { ObjectKey(namespace: $0.namespace, name: $0.instrumentationConfigName) }
  }

  /// Drops what `init` does not read, so that a node of many pods needs little memory.
  static func trimmed(_ pod: Pod) -> Pod {
    var kept: JSONValue = ["apiVersion": "v1", "kind": "Pod"]
    for path in [
      ["metadata", "name"], ["metadata", "namespace"], ["metadata", "uid"], ["metadata", "resourceVersion"],
      ["metadata", "creationTimestamp"], ["metadata", "deletionTimestamp"], ["metadata", "ownerReferences"],
      ["metadata", "labels", "pod-template-hash"], ["metadata", "labels", "rollouts-pod-template-hash"],
      ["metadata", "annotations", "kubernetes.io/config.source"],
      ["metadata", "annotations", "openshift.io/deployment-config.name"],
    ] + AgentPod.keptPaths {
      if let value = pod.json.at(path) { kept.set(path, value) }
    }
    let containers = pod.json.at("spec", "containers")?.array ?? []
    kept.set(["spec", "containers"], .array(containers.map(trimmedContainer)))
    let statuses = pod.json.at("status", "containerStatuses")?.array ?? []
    kept.set(["status", "containerStatuses"], .array(statuses.map(trimmedStatus)))
    return Pod(json: kept)
  }

  private static func trimmedContainer(_ container: JSONValue) -> JSONValue {
    var kept: JSONValue = ["name": container["name"] ?? "", "image": container["image"] ?? ""]
    let variables = (container["env"]?.array ?? []).compactMap { $0["name"] }
    for name in ["command", "args"] { kept[name] = container[name] }
    kept[environmentKey] = .string(Fingerprint.environment(container))
    if !variables.isEmpty { kept["env"] = .array(variables.map { ["name": $0] }) }
    return kept
  }

  private static func trimmedStatus(_ status: JSONValue) -> JSONValue {
    var kept: JSONValue = ["name": status["name"] ?? ""]
    for name in ["containerID", "imageID", "image"] { kept[name] = status[name] }
    if status.at("state", "running") != nil { kept.set(["state", "running"], [:]) }
    return kept
  }
}
