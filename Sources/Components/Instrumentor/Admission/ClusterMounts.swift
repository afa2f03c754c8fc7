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
      nodeAgents: caches.daemonSets.get(ObjectKey(namespace: namespace, name: OdigosName.odiglet)),
      deployments: caches.deployments.all.lazy.map(\.name), minorVersion: minorVersion, agentsImage: agentsImage,
      configuration: configuration)
  }

  /// Calls when the facts may have changed.
  func onChange(_ changed: @escaping @Sendable () -> Void) {
    let (own, name) = (namespace, OdigosName.odiglet)
    caches.daemonSets.onChange { old, new in
      guard let object = new ?? old, object.name == name, object.namespace == own else { return }
      if !MountFacts.sameFacts(old, new) { changed() }
    }
    caches.deployments.onChange { old, new in
      guard (old == nil) != (new == nil), let object = new ?? old else { return }
      if MountFacts.makesNodes(object.name) { changed() }
    }
  }
}
