import JSON

/// The changes of one container.
struct ContainerInjection {
  private let container: JSONView
  private let path: String
  private let facts: InjectionFacts.Container
  private let owner: WorkloadOwner
  private let entries: [JSONView]
  private let hasEnvironment: Bool
  private var additions: [[UInt8]] = []
  /// Changes of entries that are there, by index; those of later entries are written first, because an insertion
  /// moves what follows it.
  private var changes: [(index: Int, variable: InjectedEnvironment.Appended)] = []

  init(container: JSONView, path: String, facts: InjectionFacts.Container, owner: WorkloadOwner) {
    self.container = container
    self.path = path
    self.facts = facts
    self.owner = owner
    let environment = container["env"]
    hasEnvironment = environment?.kind == .array
    entries = environment.map { Array($0.elements) } ?? []
  }

  mutating func run(mountMethod: MountMethod, into operations: inout PatchBytes) {
    planEnvironment()
    changes.sort { $0.index > $1.index }
    for change in changes { write(change.index, change.variable, into: &operations) }
    operations.append(to: path + "/env", exists: hasEnvironment, additions)
    if facts.mounts.isEmpty { return }
    switch mountMethod {
    case .virtualDevice: addDevice(into: &operations)
    case .hostPath: addMounts(into: &operations)
    }
  }

  /// The last entry of that name, which is the one that counts.
  private func entry(_ name: String) -> (index: Int, view: JSONView)? {
    var index = entries.count
    while index > 0 {
      index -= 1
      if entries[index]["name"]?.equals(name) == true { return (index, entries[index]) }
    }
    return nil
  }

  private mutating func add(_ variable: InjectedVariable) {
    if entry(variable.name) == nil { additions.append(variable.entry) }
  }

  private mutating func planEnvironment() {
    let environment = facts.environment
    for variable in environment.variables { add(variable) }
    if let node = environment.nodeEndpoint { addEndpoint(node) }
    for variable in environment.service { add(variable) }
    if let attributes = environment.resourceAttributes { addResourceAttributes(attributes) }
    for variable in environment.appended { append(variable) }
  }

  private mutating func addEndpoint(_ node: InjectedEnvironment.NodeEndpoint) {
    if entry(OdigosEnvironment.otlpEndpoint) != nil { return }
    let existing = entry(OdigosEnvironment.nodeIP)?.view
    let isAddress = existing?["valueFrom"]?["fieldRef"]?["fieldPath"]?.equals(InjectedEnvironment.nodeAddressField)
    if existing == nil || isAddress == true {
      add(node.address)
      additions.append(node.endpoint.entry)
    } else {
      add(node.ownAddress)
      additions.append(node.ownEndpoint.entry)
    }
  }

  private mutating func addResourceAttributes(_ attributes: String) {
    var name = OdigosEnvironment.resourceAttributes
    if let existing = entry(name)?.view {
      let isOurs = existing["value"]?.string?.hasPrefix(InjectedEnvironment.resourceAttributesStart) ?? false
      if isOurs || entry(OdigosEnvironment.ownResourceAttributes) != nil { return }
      name = OdigosEnvironment.ownResourceAttributes
    }
    additions.append(InjectedVariable.entry(name, attributes + InjectedEnvironment.ownerAttributes(owner)))
  }

  private mutating func append(_ variable: InjectedEnvironment.Appended) {
    if let existing = entry(variable.name) {
      changes.append((existing.index, variable))
    } else if !variable.imageValue.contains(OdigosPath.agentsPrefix) {
      additions.append(InjectedVariable.entry(variable.name, variable.value(for: variable.imageValue)))
    }
  }

  private func write(_ index: Int, _ variable: InjectedEnvironment.Appended, into operations: inout PatchBytes) {
    let entry = entries[index]
    if let source = entry["valueFrom"], source.kind == .object {
      // Ours directly follows, so that later references to the variable still resolve.
      var original = OdigosEnvironment.originalPrefix + variable.name
      while self.entry(original) != nil { original = OdigosEnvironment.originalPrefix + original }
      operations.replace("\(path)/env/\(index)/name", text: original)
      operations.add(
        "\(path)/env/\(index + 1)", InjectedVariable.entry(variable.name, variable.value(for: "$(\(original))")))
      return
    }
    let value = entry["value"]?.string ?? ""
    if value.contains(OdigosPath.agentsPrefix) { return }
    operations.add("\(path)/env/\(index)/value", JSONValue.string(variable.value(for: value)).serialized())
  }

  private func addDevice(into operations: inout PatchBytes) {
    guard let resources = container["resources"], resources.kind == .object else {
      operations.add("\(path)/resources", "{\"limits\":\(Self.device),\"requests\":\(Self.device)}")
      return
    }
    for list in ["limits", "requests"] {
      if let quantities = resources[list], quantities.kind == .object {
        if quantities[OdigosResource.genericDevice] == nil {
          operations.add("\(path)/resources/\(list)/\(Self.deviceToken)", "\"1\"")
        }
      } else {
        operations.add("\(path)/resources/\(list)", Self.device)
      }
    }
  }

  private static let device = "{\"\(OdigosResource.genericDevice)\":\"1\"}"
  private static let deviceToken = String(JSONPointer([OdigosResource.genericDevice]).description.dropFirst())

  private func addMounts(into operations: inout PatchBytes) {
    let existing = container["volumeMounts"]
    let mounts = existing.map { Array($0.elements) } ?? []
    let missing = facts.mounts.filter { mount in !mounts.contains { $0["mountPath"]?.equals(mount.path) == true } }
    operations.append(to: "\(path)/volumeMounts", exists: existing?.kind == .array, missing.map(\.entry))
  }
}
