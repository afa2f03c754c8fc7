import KubeObjects
import OdigosObjects

/// How far the pods of a CollectorsGroup are.
public struct CollectorReadiness: Sendable, Equatable {
  /// Whether what the group is for works.
  public var isReady: Bool
  /// For people.
  public var message: String

  /// The gateway: one ready pod is enough to take data.
  public init(gateway deployment: Deployment?, of group: CollectorsGroup) {
    guard let deployment, deployment.belongs(to: group) else {
      self = CollectorReadiness(isReady: false, message: "Deployment \(ObjectName.gateway) is not there yet")
      return
    }
    let ready = deployment.json.at("status", "readyReplicas")?.int ?? 0
    let wanted = deployment.json.at("spec", "replicas")?.int ?? 1
    self = CollectorReadiness(isReady: ready >= 1, message: "\(ready) of \(wanted) gateway pods are ready")
  }

  /// The node collectors: every pod runs what was applied last, and at least half of them are ready. Not all, because
  /// one broken node must not keep the whole cluster from being observed; the same half may be down in an update.
  public init(nodes daemonSet: DaemonSet?, of group: CollectorsGroup) {
    guard let daemonSet, daemonSet.belongs(to: group) else {
      self = CollectorReadiness(isReady: false, message: "DaemonSet \(ObjectName.nodeCollector) is not there yet")
      return
    }
    func count(_ field: String) -> Int { daemonSet.json.at("status", field)?.int ?? 0 }
    let (desired, updated, ready) = (
      count("desiredNumberScheduled"), count("updatedNumberScheduled"), count("numberReady")
    )
    let observed = count("observedGeneration") >= daemonSet.metadata.generation ?? 0
    self = CollectorReadiness(
      isReady: observed && desired > 0 && updated >= desired && ready * 2 >= desired,
      message: "node collectors are ready on \(ready) of \(desired) nodes, up to date on \(updated)")
  }

  private init(isReady: Bool, message: String) {
    self.isReady = isReady
    self.message = message
  }
}

extension KubeResource {
  /// Whether the group owns the object and nobody deletes it. What a group of the same name left behind is about to
  /// be collected and says nothing.
  func belongs(to group: CollectorsGroup) -> Bool {
    metadata.deletionTimestamp == nil
      && metadata.ownerReferences.contains { $0.uid == group.metadata.uid && !$0.uid.isEmpty }
  }
}
