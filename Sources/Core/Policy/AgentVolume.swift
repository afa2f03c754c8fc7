import JSON

/// The volume that brings the agent files into a pod, the init container that fills it, and the mounts of containers:
/// what the mount methods other than the device put into a pod, prepared as JSON text.
struct AgentVolume: Sendable {
  /// The entry of `volumes`.
  let volume: [UInt8]
  /// The entry of `initContainers`, where there is one.
  let initContainer: [UInt8]?

  /// Nil for the device, by which the kubelet mounts the files.
  init?(_ method: MountMethod, settings: InjectionSettings, directories: [String]) {
    let image = settings.mounts.agentsImage
    var value: JSONValue = ["name": .string(OdigosName.agentVolume)]
    var initContainer: JSONValue?
    switch method {
    case .virtualDevice, .automatic: return nil
    case .hostPath: value["hostPath"] = ["path": .string(OdigosPath.agents)]
    case .initContainer:
      value["emptyDir"] = [:]
      initContainer = settings.initContainer.json(image: image, directories: directories)
    case .imageVolume: value["image"] = ["reference": .string(image), "pullPolicy": "IfNotPresent"]
    }
    volume = value.serialized()
    self.initContainer = initContainer?.serialized()
  }

  /// One mount of a container.
  struct Mount: Sendable {
    let path: String
    let entry: [UInt8]

    private init(_ path: String, subPath: String?) {
      self.path = path
      var entry: JSONValue = ["name": .string(OdigosName.agentVolume), "mountPath": .string(path)]
      if let subPath { entry["subPath"] = .string(subPath) }
      entry["readOnly"] = true
      self.entry = entry.serialized()
    }

    /// What a container mounts for directories of the agent files.
    ///
    /// Of an image volume it is the whole image, whose root has a link for each directory: containerd 2.1 passes
    /// `subPath` over in image volumes without a word, and mounts the image in its place.
    static func all(_ directories: [String], _ method: MountMethod) -> [Mount] {
      if directories.isEmpty { return [] }
      if method == .imageVolume { return [Mount(OdigosPath.agents, subPath: nil)] }
      return directories.map { Mount(OdigosPath.agentsPrefix + $0, subPath: $0) }
    }
  }

  /// How the agent files already come into a pod that was injected before; nil where they do not.
  static func method(of spec: JSONView) -> MountMethod? {
    if let volumes = spec["volumes"] {
      for volume in volumes.elements where volume["name"]?.equals(OdigosName.agentVolume) == true {
        if volume["emptyDir"] != nil { return .initContainer }
        return volume["image"] != nil ? .imageVolume : .hostPath
      }
    }
    let isDevice = spec["containers"]?.elements.contains { container in
      container["resources"]?["limits"]?[OdigosResource.genericDevice] != nil
    }
    return isDevice == true ? .virtualDevice : nil
  }
}
