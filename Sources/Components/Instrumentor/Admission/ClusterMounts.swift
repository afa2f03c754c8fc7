import JSON
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
    let nodeAgents = caches.daemonSets.get(ObjectKey(namespace: namespace, name: OdigosName.odiglet))?.json
    let isDeviceOff = nodeAgents.map { !Self.haveDevicePlugin($0) } ?? false
    return MountFacts(
      // One that has the plugin is ready when the device of its node is registered.
      nodesHaveDevice: !isDeviceOff && Self.readyCount(nodeAgents) > 0, isDeviceOff: isDeviceOff,
      nodesAreMadeOnDemand: caches.deployments.all.contains { Self.makesNodes($0.name) },
      imageVolumes: ImageVolumeSupport(minorVersion: minorVersion, setting: configuration.imageVolumesEnabled),
      agentsImage: agentsImage)
  }

  private static func readyCount(_ nodeAgents: JSONValue?) -> Int { nodeAgents?.at("status", "numberReady")?.int ?? 0 }

  /// Whether node agents of the template serve the device. Without it they are ready as well.
  private static func haveDevicePlugin(_ nodeAgents: JSONValue) -> Bool {
    let containers = nodeAgents.at("spec", "template", "spec", "containers")?.array ?? []
    let variables = containers.first { $0["name"]?.string == OdigosName.odiglet }?["env"]?.array
    let variable = variables?.last { $0["name"]?.string == NodeFeature.variable }
    // From elsewhere, it is not known: then as where nobody says anything.
    guard let variable, variable["valueFrom"] == nil else { return NodeFeature.standard.contains(.devicePlugin) }
    return (try? NodeFeature.parse(variable["value"]?.string ?? ""))?.contains(.devicePlugin) ?? false
  }

  /// Calls when the facts may have changed.
  func onChange(_ changed: @escaping @Sendable () -> Void) {
    let (own, name) = (namespace, OdigosName.odiglet)
    caches.daemonSets.onChange { old, new in
      guard let object = new ?? old, object.name == name, object.namespace == own else { return }
      let facts = { (object: DaemonSet?) in
        [Self.readyCount(object?.json), object.map { Self.haveDevicePlugin($0.json) ? 1 : 0 }]
      }
      if facts(old) != facts(new) { changed() }
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
