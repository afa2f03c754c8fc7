import JSON

/// The changes of one container.
struct ContainerInjection {
  let container: JSONView
  let path: String
  private let agent: InjectedContainer
  /// Whether the pod cannot look the names of Services up.
  private let needsAddresses: Bool
  private let entries: JSONNamedElements
  /// What the container takes variables from as a whole; nil where it takes none so.
  private let sources: EnvironmentSources?
  private var additions: PatchBytes.Elements
  /// Changes of entries that are there, by index; those of later entries are written first, because an insertion
  /// moves what follows it.
  private var changes: [(index: Int, variable: AppendedVariable)] = []

  init(container: JSONView, path: String, agent: InjectedContainer, needsAddresses: Bool) {
    self.needsAddresses = needsAddresses
    self.container = container
    self.path = path
    self.agent = agent
    let environment = container["env"]
    entries = JSONNamedElements(environment, by: "name")
    sources = EnvironmentSources(container)
    additions = PatchBytes.Elements(of: path, "/env", exists: environment?.kind == .array)
  }

  /// The variables by which the container keeps the agent out: those that the agent needs for itself, and those whose
  /// values could not be kept.
  func conflicts() -> [String] {
    var result: [String] = []
    for variable in agent.environment.required {
      guard let index = index(of: variable.name), let entry = entries[index] else { continue }
      let value = entry["valueFrom"] == nil ? entry["value"]?.string ?? "" : nil
      if value.map({ $0 == variable.value || $0.contains(OdigosPath.agentsPrefix) }) != true {
        result.append(variable.name)
      }
    }
    if let loader = agent.environment.loader, loader.isStrict, !canUse(loader) { result.append(loader.variable.name) }
    guard let sources, !usesLoader else { return result }
    for variable in agent.environment.appended where dependsOnSources(variable) {
      if !sources.areKnown(for: variable.name) { result.append(variable.name) }
    }
    return result
  }

  /// Whether the agent could not be told where to send anything.
  var lacksAddress: Bool {
    needsAddresses && agent.environment.withoutAddress.contains { index(of: $0) == nil }
  }

  /// Whether the value that the variable would have without us may be one of `envFrom`.
  private func dependsOnSources(_ variable: AppendedVariable) -> Bool {
    guard let index = index(of: variable.name) else { return variable.mayComeFromSources }
    return entries[index]?["valueFrom"].map(EnvironmentSources.isOptional) ?? false
  }

  private var usesLoader: Bool { agent.environment.loader.map(canUse) ?? false }

  /// Whether nothing else is preloaded into the container's processes.
  private func canUse(_ loader: InjectedEnvironment.Loader) -> Bool {
    guard let index = index(of: loader.variable.name) else { return true }
    return entries[index]?["value"]?.string?.contains(OdigosPath.agentsPrefix) ?? false
  }

  /// - Parameter ownerAttributes: from `ResourceAttributes.end`.
  mutating func run(ownerAttributes: [UInt8], keepsFiles: Bool, into patch: inout PatchBytes) {
    addVariables(ownerAttributes, keepsFiles, &patch)
    additions.finish(&patch)
    changes.sort { $0.index > $1.index }
    for change in changes { write(change.index, change.variable, &patch) }
  }

  /// The place of the last entry of that name, which is the one that counts.
  private func index(of name: String) -> Int? { entries.lastIndex(of: name) }

  private mutating func add(_ variable: InjectedVariable, _ patch: inout PatchBytes) {
    if index(of: variable.name) == nil { additions.append(variable.entry, to: &patch) }
  }

  private mutating func addVariables(_ ownerAttributes: [UInt8], _ keepsFiles: Bool, _ patch: inout PatchBytes) {
    for variable in agent.environment.variables {
      // The socket is among the files, and those that the pod has may be without it.
      if keepsFiles, variable.name == OdigosEnvironment.opAMPUnixSocket { continue }
      add(needsAddresses ? agent.environment.byAddress[variable.name] ?? variable : variable, &patch)
    }
    for required in agent.environment.required { add(required.variable, &patch) }
    if !agent.environment.nodeVariables.values.isEmpty { addNodeVariables(agent.environment.nodeVariables, &patch) }
    if let serviceName = agent.environment.serviceName { add(serviceName, &patch) }
    if let attributes = agent.environment.resourceAttributes {
      addResourceAttributes(attributes, ownerAttributes, &patch)
    }
    if let loader = agent.environment.loader, canUse(loader) {
      add(loader.variable, &patch)
    } else {
      for variable in agent.environment.appended { append(variable, &patch) }
    }
    for variable in agent.environment.userVariables { add(variable, &patch) }
  }

  private mutating func append(_ variable: AppendedVariable, _ patch: inout PatchBytes) {
    if let index = index(of: variable.name) {
      changes.append((index, variable))
      return
    }
    if variable.mayComeFromSources, let sources {
      let moved = moved(variable)
      if let entries = sources.entries(variable.name, as: moved.name), !entries.isEmpty {
        additions.append(moved.original, to: &patch)
        for entry in entries { additions.append(entry, to: &patch) }
        additions.append(moved.reference, to: &patch)
        return
      }
    }
    if let entry = variable.entry { additions.append(entry, to: &patch) }
  }

  /// What it becomes when the value that was there goes on under a name that the container does not have yet.
  private func moved(_ variable: AppendedVariable) -> AppendedVariable.Moved {
    var original = variable.moved.name
    while index(of: original) != nil { original = OdigosEnvironment.originalPrefix + original }
    return variable.moved(as: original)
  }

  private mutating func addNodeVariables(_ node: NodeVariables, _ patch: inout PatchBytes) {
    let missing = node.values.filter { index(of: $0.variable.name) == nil }
    if missing.isEmpty { return }
    let existing = index(of: OdigosEnvironment.nodeIP).flatMap { entries[$0] }
    let field = existing?["valueFrom"]?["fieldRef"]?["fieldPath"]
    if existing == nil || field?.equals(NodeVariables.addressField) == true {
      add(node.address, &patch)
      for value in missing { additions.append(value.variable.entry, to: &patch) }
    } else {
      add(node.ownAddress, &patch)
      for value in missing { additions.append(value.own.entry, to: &patch) }
    }
  }

  private mutating func addResourceAttributes(
    _ attributes: ResourceAttributes, _ ownerAttributes: [UInt8], _ patch: inout PatchBytes
  ) {
    guard let existing = index(of: OdigosEnvironment.resourceAttributes) else {
      additions.append(attributes.entry, ownerAttributes, to: &patch)
      return
    }
    let isOurs = entries[existing]?["value"]?.string?.hasPrefix(ResourceAttributes.start) ?? false
    if isOurs || index(of: OdigosEnvironment.ownResourceAttributes) != nil { return }
    additions.append(attributes.ownEntry, ownerAttributes, to: &patch)
  }

  private func write(_ index: Int, _ variable: AppendedVariable, _ patch: inout PatchBytes) {
    guard let entry = entries[index] else { return }
    if let source = entry["valueFrom"], source.kind == .object {
      move(index, source, variable, &patch)
      return
    }
    let value = entry["value"]?.string ?? ""
    if value.contains(OdigosPath.agentsPrefix) { return }
    patch.add(path, "/env/\(index)/value", value: JSONValue.string(variable.value(for: value)).serialized())
  }

  /// Gives a variable that comes from elsewhere another name, and ours, which refers to it, its own.
  private func move(_ index: Int, _ source: JSONView, _ variable: AppendedVariable, _ patch: inout PatchBytes) {
    let moved = moved(variable)
    patch.replace(path, "/env/\(index)/name", value: JSONValue.string(moved.name).serialized())
    var place = index
    if EnvironmentSources.isOptional(source) {
      // The reference must resolve where there is nothing to take the value from: to what would be used then.
      for entry in [moved.original] + (sources?.entries(variable.name, as: moved.name) ?? []) {
        patch.add(path, "/env/\(place)", value: entry)
        place += 1
      }
    }
    // Ours directly follows, so that later references to the variable still resolve.
    patch.add(path, "/env/\(place + 1)", value: moved.reference)
  }
}
