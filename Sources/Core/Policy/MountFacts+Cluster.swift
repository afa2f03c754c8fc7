import JSON
import KubeObjects

/// What objects of the cluster say about how agent files can come into pods.
extension MountFacts {
  /// Reads them; what a namespace enforces is left open.
  ///
  /// - Parameters:
  ///   - nodeAgents: the DaemonSet of the node agents; nil where there is none.
  ///   - deployments: the names of all Deployments.
  ///   - minorVersion: of the API server: the 33 of 1.33.
  ///   - agentsImage: the image that has the agent files, "" where nobody said.
  ///   - configuration: the one in effect.
  public init(
    nodeAgents: DaemonSet?, deployments: some Sequence<String>, minorVersion: Int, agentsImage: String,
    configuration: OdigosConfiguration
  ) {
    let isDeviceOff = nodeAgents.map { !Self.haveDevicePlugin($0) } ?? false
    self.init(
      // One that has the plugin is ready when the device of its node is registered.
      nodesHaveDevice: !isDeviceOff && Self.readyCount(nodeAgents) > 0, isDeviceOff: isDeviceOff,
      nodesAreMadeOnDemand: deployments.contains(where: Self.makesNodes),
      imageVolumes: ImageVolumeSupport(minorVersion: minorVersion, setting: configuration.imageVolumesEnabled),
      agentsImage: agentsImage)
  }

  /// Whether two states of the node agents come to the same facts.
  public static func sameFacts(_ one: DaemonSet?, _ other: DaemonSet?) -> Bool {
    readyCount(one) == readyCount(other) && one.map(haveDevicePlugin) == other.map(haveDevicePlugin)
  }

  /// Whether a Deployment of that name makes nodes on demand. One that runs outside of the cluster is not seen:
  /// `karpenterEnabled` says so, or mountMethod a method.
  public static func makesNodes(_ name: String) -> Bool { name == "karpenter" || name.contains("cluster-autoscaler") }

  private static func readyCount(_ nodeAgents: DaemonSet?) -> Int {
    nodeAgents?.json.at("status", "numberReady")?.int ?? 0
  }

  /// Whether node agents of the template serve the device. Without it they are ready as well.
  private static func haveDevicePlugin(_ nodeAgents: DaemonSet) -> Bool {
    let containers = nodeAgents.json.at("spec", "template", "spec", "containers")?.array ?? []
    let variables = containers.first { $0["name"]?.string == OdigosName.odiglet }?["env"]?.array
    let variable = variables?.last { $0["name"]?.string == NodeFeature.variable }
    // From elsewhere, it is not known: then as where nobody says anything.
    guard let variable, variable["valueFrom"] == nil else { return NodeFeature.standard.contains(.devicePlugin) }
    return (try? NodeFeature.parse(variable["value"]?.string ?? ""))?.contains(.devicePlugin) ?? false
  }
}
