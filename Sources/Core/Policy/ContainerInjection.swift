import JSON

/// The changes of one container.
struct ContainerInjection {
  private let container: JSONView
  private let path: String
  private let agent: InjectedContainer
  private let entries: JSONNamedElements
  private var additions: PatchBytes.Elements
  /// Changes of entries that are there, by index; those of later entries are written first, because an insertion
  /// moves what follows it.
  private var changes: [(index: Int, variable: InjectedEnvironment.Appended)] = []

  init(container: JSONView, path: String, agent: InjectedContainer) {
    self.container = container
    self.path = path
    self.agent = agent
    let environment = container["env"]
    entries = JSONNamedElements(environment, by: "name")
    additions = PatchBytes.Elements(of: path, "/env", exists: environment?.kind == .array)
  }

  /// - Parameter ownerAttributes: from `InjectedEnvironment.ownerAttributes`.
  mutating func run(mountMethod: MountMethod, ownerAttributes: [UInt8], into patch: inout PatchBytes) {
    addVariables(ownerAttributes, &patch)
    additions.finish(&patch)
    changes.sort { $0.index > $1.index }
    for change in changes { write(change.index, change.variable, &patch) }
    if agent.mounts.isEmpty { return }
    switch mountMethod {
    case .virtualDevice: addDevice(&patch)
    case .hostPath: addMounts(&patch)
    }
  }

  /// The place of the last entry of that name, which is the one that counts.
  private func index(of name: String) -> Int? { entries.lastIndex(of: name) }

  private mutating func add(_ variable: InjectedVariable, _ patch: inout PatchBytes) {
    if index(of: variable.name) == nil { additions.append(variable.entry, to: &patch) }
  }

  private mutating func addVariables(_ ownerAttributes: [UInt8], _ patch: inout PatchBytes) {
    let environment = agent.environment
    for variable in environment.variables { add(variable, &patch) }
    if let node = environment.nodeEndpoint { addEndpoint(node, &patch) }
    if let serviceName = environment.serviceName { add(serviceName, &patch) }
    if let attributes = environment.resourceAttributes { addResourceAttributes(attributes, ownerAttributes, &patch) }
    for variable in environment.appended {
      if let index = index(of: variable.name) {
        changes.append((index, variable))
      } else if let entry = variable.entry {
        additions.append(entry, to: &patch)
      }
    }
  }

  private mutating func addEndpoint(_ node: InjectedEnvironment.NodeEndpoint, _ patch: inout PatchBytes) {
    if index(of: OdigosEnvironment.otlpEndpoint) != nil { return }
    let existing = index(of: OdigosEnvironment.nodeIP).flatMap { entries[$0] }
    let field = existing?["valueFrom"]?["fieldRef"]?["fieldPath"]
    if existing == nil || field?.equals(InjectedEnvironment.nodeAddressField) == true {
      add(node.address, &patch)
      additions.append(node.endpoint.entry, to: &patch)
    } else {
      add(node.ownAddress, &patch)
      additions.append(node.ownEndpoint.entry, to: &patch)
    }
  }

  private mutating func addResourceAttributes(
    _ attributes: InjectedEnvironment.ResourceAttributes, _ ownerAttributes: [UInt8], _ patch: inout PatchBytes
  ) {
    guard let existing = index(of: OdigosEnvironment.resourceAttributes) else {
      additions.append(attributes.entry, ownerAttributes, to: &patch)
      return
    }
    let isOurs =
      entries[existing]?["value"]?.string?.hasPrefix(InjectedEnvironment.ResourceAttributes.start) ?? false
    if isOurs || index(of: OdigosEnvironment.ownResourceAttributes) != nil { return }
    additions.append(attributes.ownEntry, ownerAttributes, to: &patch)
  }

  private func write(_ index: Int, _ variable: InjectedEnvironment.Appended, _ patch: inout PatchBytes) {
    guard let entry = entries[index] else { return }
    if let source = entry["valueFrom"], source.kind == .object {
      // Ours directly follows, so that later references to the variable still resolve.
      var original = OdigosEnvironment.originalPrefix + variable.name
      while self.index(of: original) != nil { original = OdigosEnvironment.originalPrefix + original }
      patch.replace(path, "/env/\(index)/name", value: JSONValue.string(original).serialized())
      let value = variable.value(for: "$(\(original))")
      patch.add(path, "/env/\(index + 1)", value: InjectedVariable(variable.name, value).entry)
      return
    }
    let value = entry["value"]?.string ?? ""
    if value.contains(OdigosPath.agentsPrefix) { return }
    patch.add(path, "/env/\(index)/value", value: JSONValue.string(variable.value(for: value)).serialized())
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
    if list[OdigosResource.genericDevice] == nil { patch.add(path, devicePath, value: Array("\"1\"".utf8)) }
  }

  private static let limit = JSONPointer(["resources", "limits", OdigosResource.genericDevice]).description
  private static let request = JSONPointer(["resources", "requests", OdigosResource.genericDevice]).description
  private static let deviceList: JSONValue = .object([OdigosResource.genericDevice: "1"])
  private static let device = deviceList.serialized()
  private static let bothLists = JSONValue.object(["limits": deviceList, "requests": deviceList]).serialized()

  private func addMounts(_ patch: inout PatchBytes) {
    let existing = container["volumeMounts"]
    let paths = existing.map { $0.elements.map { $0["mountPath"] } } ?? []
    var mounts = PatchBytes.Elements(of: path, "/volumeMounts", exists: existing?.kind == .array)
    for mount in agent.mounts where !paths.contains(where: { $0?.equals(mount.path) == true }) {
      mounts.append(mount.entry, to: &patch)
    }
    mounts.finish(&patch)
  }
}
