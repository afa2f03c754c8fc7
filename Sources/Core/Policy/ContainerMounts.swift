import JSON

/// How the agent files come into one container.
extension ContainerInjection {
  /// Adds what brings the files.
  func addFiles(of agent: InjectedContainer, _ method: MountMethod, into patch: inout PatchBytes) {
    if agent.mounts.isEmpty { return }
    if method == .virtualDevice { addDevice(&patch) } else { add(agent.mounts, &patch) }
  }

  private func addDevice(_ patch: inout PatchBytes) {
    guard let resources = container["resources"], resources.kind == .object else {
      patch.add(path, "/resources", value: Self.bothLists)
      return
    }
    add(to: resources["limits"], "/resources/limits", Self.limit, &patch)
    add(to: resources["requests"], "/resources/requests", Self.request, &patch)
  }

  private func add(to list: JSONView?, _ listPath: String, _ devicePath: String, _ patch: inout PatchBytes) {
    guard let list, list.kind == .object else {
      patch.add(path, listPath, value: Self.device)
      return
    }
    if list[OdigosResource.genericDevice] == nil { patch.add(path, devicePath, value: Self.one) }
  }

  private static let one = Array("\"1\"".utf8)
  private static let limit = JSONPointer(["resources", "limits", OdigosResource.genericDevice]).description
  private static let request = JSONPointer(["resources", "requests", OdigosResource.genericDevice]).description
  private static let deviceList: JSONValue = .object([OdigosResource.genericDevice: "1"])
  private static let device = deviceList.serialized()
  private static let bothLists = JSONValue.object(["limits": deviceList, "requests": deviceList]).serialized()

  private func add(_ mounts: [AgentVolume.Mount], _ patch: inout PatchBytes) {
    let existing = container["volumeMounts"]
    let paths = existing.map { $0.elements.map { $0["mountPath"] } } ?? []
    var additions = PatchBytes.Elements(of: path, "/volumeMounts", exists: existing?.kind == .array)
    for mount in mounts where !paths.contains(where: { $0?.equals(mount.path) == true }) {
      additions.append(mount.entry, to: &patch)
    }
    additions.finish(&patch)
  }
}
