import KubeObjects
import OpAMP
import ProcessInspection

/// Where an agent runs: a process of a container.
struct AgentPlace: Sendable, Hashable {
  var pod: ObjectKey
  var podUID: String
  var container: String
  /// The process's id: the node's where the process is known, else as it sees itself.
  var pid: Int32
  /// The process; nil where it cannot be seen from here, as in a sandbox with a kernel of its own.
  var process: ProcessIdentity?

  /// The name of its InstrumentationInstance, `<pod>-<pid>`. Without the node's id two containers of a pod may have
  /// the same one, so the container's name stands between then.
  func instanceName(isOnlyContainer: Bool) -> String {
    let end = process != nil || isOnlyContainer ? "-\(pid)" : "-\(container)-\(pid)"
    // Names of objects have at most 253 characters, as those of pods.
    return pod.name.prefix(253 - end.utf8.count) + end
  }
}

/// The attributes by which agents identify themselves.
enum AgentAttributeKey {
  static let processID = "process.pid"
  static let virtualProcessID = "process.vpid"
  static let language = "telemetry.sdk.language"
  static let namespace = "k8s.namespace.name"
  static let pod = "k8s.pod.name"
  static let container = "k8s.container.name"
}

extension AgentDescription {
  /// The text of an identifying attribute; nil without one, or an empty one.
  func text(_ key: String) -> String? {
    identifying(key).map(\.text).flatMap { $0.isEmpty ? nil : $0 }
  }

  /// The process's id as the agent sees it.
  var ownPID: Int32? {
    let value = identifying(AgentAttributeKey.processID) ?? identifying(AgentAttributeKey.virtualProcessID)
    return value?.integer.flatMap { Int32(exactly: $0) }.flatMap { $0 > 0 ? $0 : nil }
  }
}
