import KubeClient
import KubeObjects
import KubeRuntime
import OdigosObjects
import ProcessInspection

/// The InstrumentationInstances that this node's agents had before the node agent started: those whose processes run
/// are expected to report again, and the others are deleted.
struct LeftoverInstances: Sendable {
  /// What is to be done with one.
  enum Decision: Sendable, Equatable {
    /// It is another node's.
    case leave
    /// Its process is gone.
    case delete
    /// Its agent should come back.
    case expect(AgentPlace)
  }

  let pods: PodDirectory
  let tree: ProcessTree

  func decide(_ instance: InstrumentationInstance) -> Decision {
    guard let owner = instance.metadata.ownerReferences.first(where: { $0.kind == "Pod" }),
      let pod = pods.pod(uid: owner.uid), pod.uid == owner.uid
    else { return .leave }
    guard let container = instance.spec.containerName,
      let pid = instance.name.split(separator: "-").last.flatMap({ Int32($0) }), pid > 0
    else { return .delete }
    var place = AgentPlace(pod: pod.key, podUID: pod.uid, container: container, pid: pid, process: nil)
    if let process = tree.process(pid), let uid = tree.container(of: pid)?.podUID,
      uid == pod.uid || uid == pod.staticUID
    {
      place.process = process
    }
    // A name that our own rule does not give to that place was given by the id of a process that is gone.
    let isOwnName = place.instanceName(isOnlyContainer: pod.containers.count == 1) == instance.name
    return place.process != nil && isOwnName ? .expect(place) : .delete
  }
}
