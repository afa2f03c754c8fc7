import KubeClient
import KubeObjects
import Policy

/// What the cluster says about how agent files can come into pods, from objects that are watched anyway.
struct ClusterMounts: Sendable {
  let caches: InstrumentorCaches
  /// The namespace of the system.
  let namespace: String
  /// Of the API server: the 33 of 1.33.
  let minorVersion: Int
  /// The image that has the agent files, "" where nobody said.
  let agentsImage: String

  /// The facts, but for what a namespace enforces.
  func facts(_ configuration: OdigosConfiguration) -> MountFacts {
    MountFacts(
      nodesHaveDevice: readyNodeAgents > 0,
      nodesAreMadeOnDemand: caches.deployments.all.contains { Self.makesNodes($0.name) },
      imageVolumes: ImageVolumeSupport(minorVersion: minorVersion, setting: configuration.imageVolumesEnabled),
      agentsImage: agentsImage)
  }

  /// A node agent is ready when the device of its node is registered.
  private var readyNodeAgents: Int {
    let key = ObjectKey(namespace: namespace, name: OdigosName.odiglet)
    return caches.daemonSets.get(key)?.json.at("status", "numberReady")?.int ?? 0
  }

  /// Calls when the facts may have changed.
  func onChange(_ changed: @escaping @Sendable () -> Void) {
    let (own, name) = (namespace, OdigosName.odiglet)
    caches.daemonSets.onChange { old, new in
      guard let object = new ?? old, object.name == name, object.namespace == own else { return }
      if old?.json.at("status", "numberReady") != new?.json.at("status", "numberReady") { changed() }
    }
    caches.deployments.onChange { old, new in
      guard (old == nil) != (new == nil), let object = new ?? old else { return }
      if Self.makesNodes(object.name) { changed() }
    }
  }

  /// Whether a Deployment of that name makes nodes on demand. One that runs outside of the cluster is not seen:
  /// `karpenterEnabled` says so, or mountMethod a method.
  static func makesNodes(_ name: String) -> Bool { name == "karpenter" || name.contains("cluster-autoscaler") }
}
