import JSON
import KubeObjects
import Policy

/// What is needed of a pod of the node to tell which agents run in it.
struct AgentPod: Sendable, Equatable {
  var key: ObjectKey
  var uid: String
  /// What the node calls a static pod, whose object in the API is only its mirror.
  var staticUID: String?
  var workload: WorkloadReference?
  /// The ids of the containers that run, by the names of all containers.
  var containers: [String: String?] = [:]
  /// Its addresses; none where it has those of the node.
  var addresses: [String] = []

  init(_ pod: Pod) {
    key = pod.key
    uid = pod.metadata.uid ?? ""
    staticUID = pod.metadata.annotations["kubernetes.io/config.hash"]
    let known = NodePod(pod)
    workload = known.workload
    for container in known.containers { containers[container.name] = .some(container.runningID) }
    guard pod.json.at("spec", "hostNetwork")?.bool != true else { return }
    addresses = (pod.json.at("status", "podIPs")?.array ?? []).compactMap { $0["ip"]?.string }
    if addresses.isEmpty, let only = pod.json.at("status", "podIP")?.string { addresses = [only] }
  }

  /// Its workload's InstrumentationConfig; nil where its workload can have none.
  var configKey: ObjectKey? {
    workload.map { ObjectKey(namespace: $0.namespace, name: $0.instrumentationConfigName) }
  }

  /// What `init` reads beside `NodePod`, for what is kept of a pod.
  static let keptPaths = [
    ["metadata", "annotations", "kubernetes.io/config.hash"], ["spec", "hostNetwork"], ["status", "podIPs"],
    ["status", "podIP"],
  ]
}
