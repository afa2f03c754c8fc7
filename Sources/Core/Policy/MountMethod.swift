/// How the agent files come into a container.
public enum MountMethod: String, Sendable, Hashable, CaseIterable {
  /// A device of the node agent's device plugin; the kubelet mounts the files.
  case virtualDevice = "k8s-virtual-device"
  /// A volume of the pod that shows the node's directory.
  case hostPath = "k8s-host-path"
  /// An empty volume of the pod, filled by an init container from the image that has the files.
  case initContainer = "k8s-init-container"
  /// A volume of the pod that shows the image that has the files.
  case imageVolume = "k8s-image-volume"
  /// One of the others: the first by which a pod can always be scheduled.
  case automatic = "auto"
}

/// The pod security level that a namespace enforces (label `pod-security.kubernetes.io/enforce`).
public enum PodSecurityLevel: String, Sendable, Hashable, CaseIterable {
  case privileged, baseline, restricted

  /// Reads the labels of a namespace; a namespace that says nothing enforces nothing.
  public init(namespaceLabels: [String: String]) {
    self = namespaceLabels[KubernetesLabel.podSecurity].flatMap(PodSecurityLevel.init(rawValue:)) ?? .privileged
  }
}

/// What decides how agent files can come into the pods of a namespace.
public struct MountFacts: Sendable, Hashable {
  /// Whether the nodes offer the device.
  public var nodesHaveDevice: Bool
  /// Whether the node agents run without their device plugin, so that no node will ever offer the device.
  public var isDeviceOff: Bool
  /// Whether nodes are made when pods ask for them (Karpenter, cluster-autoscaler). Who makes them cannot foresee
  /// what a node agent brings, and would not make one for a pod that demands it.
  public var nodesAreMadeOnDemand: Bool
  /// Whether pods can have volumes that are images.
  public var imageVolumes: ImageVolumeSupport
  /// The image that has the agent files, "" where it is not known.
  public var agentsImage: String
  /// What the namespace of the pods enforces.
  public var podSecurity: PodSecurityLevel

  /// Gathers the facts.
  public init(
    nodesHaveDevice: Bool = true, isDeviceOff: Bool = false, nodesAreMadeOnDemand: Bool = false,
    imageVolumes: ImageVolumeSupport = .absent, agentsImage: String = "", podSecurity: PodSecurityLevel = .privileged
  ) {
    self.nodesHaveDevice = nodesHaveDevice
    self.isDeviceOff = isDeviceOff
    self.nodesAreMadeOnDemand = nodesAreMadeOnDemand
    self.imageVolumes = imageVolumes
    self.agentsImage = agentsImage
    self.podSecurity = podSecurity
  }

  /// Why a method is impossible, as the end of a sentence; nil where it is possible.
  func obstacle(to method: MountMethod) -> String? {
    let level = "the namespace's pod security level \(podSecurity.rawValue) forbids it"
    switch method {
    case .automatic: return nil
    case .virtualDevice:
      return isDeviceOff ? "the node agents run without \(NodeFeature.devicePlugin.rawValue) (--node-features)" : nil
    case .hostPath: return podSecurity == .privileged ? nil : level
    case .initContainer: return agentsImage.isEmpty ? Self.imageIsUnknown : nil
    case .imageVolume:
      if imageVolumes == .absent { return "the cluster has no image volumes" }
      if podSecurity == .restricted { return level }
      return agentsImage.isEmpty ? Self.imageIsUnknown : nil
    }
  }

  private static let imageIsUnknown = "the image that has the agent files is not known"
}

/// Which method is used, and why: a pure function of the setting and the facts.
public struct MountDecision: Sendable, Hashable {
  /// The method; never `automatic`.
  public var method: MountMethod
  /// Why, as a sentence without a full stop.
  public var explanation: String
  /// Why not even that method is possible, as the end of a sentence; nil where it is.
  public var obstacle: String?

  /// Decides. What the configuration asks for is used unless the pod would then be refused.
  public init(_ wanted: MountMethod, _ facts: MountFacts) {
    if wanted != .automatic, let obstacle = facts.obstacle(to: wanted) {
      let (method, why) = Self.automatic(facts)
      self.method = method
      explanation = "mountMethod asks for \(wanted.rawValue), but \(obstacle); \(why)"
    } else if wanted != .automatic {
      method = wanted
      explanation = "mountMethod asks for it"
    } else {
      (method, explanation) = Self.automatic(facts)
    }
    obstacle = facts.obstacle(to: method)
  }

  /// What costs a pod the least comes first, as long as every node that it may come to can have it. A host path needs
  /// the same node agents as the device, and so is no way out where that is missing.
  private static func automatic(_ facts: MountFacts) -> (MountMethod, String) {
    let why = facts.nodesAreMadeOnDemand ? "nodes are made on demand" : "the nodes do not offer the device"
    if facts.nodesHaveDevice, !facts.isDeviceOff, !facts.nodesAreMadeOnDemand {
      return (.virtualDevice, "the nodes offer the device and are not made on demand")
    }
    let withoutNode: [(MountMethod, String)] =
      (facts.imageVolumes == .present ? [(.imageVolume, "an image volume")] : []) + [
        (.initContainer, "an init container")
      ]
    for (method, what) in withoutNode where facts.obstacle(to: method) == nil {
      return (method, "\(why), and \(what) asks nothing of them")
    }
    let method: MountMethod = facts.obstacle(to: .hostPath) == nil ? .hostPath : .virtualDevice
    return (method, "\(why), but nothing that asks less of them is possible")
  }
}
