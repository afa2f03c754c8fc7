import JSON

/// The changes of one container.
struct ContainerInjection {
  let container: JSONView
  let path: String
  private let agent: InjectedContainer
  private let entries: JSONNamedElements
  private var additions: PatchBytes.Elements
  /// Changes of entries that are there, by index; those of later entries are written first, because an insertion
  /// moves what follows it.
  private var changes: [(index: Int, variable: AppendedVariable)] = []

  init(container: JSONView, path: String, agent: InjectedContainer) {
    self.container = container
    self.path = path
    self.agent = agent
    let environment = container["env"]
    entries = JSONNamedElements(environment, by: "name")
    additions = PatchBytes.Elements(of: path, "/env", exists: environment?.kind == .array)
  }

  /// The variables by which the container keeps the agent out: those that the agent needs for itself, and those whose
  /// values could not be kept.
  func conflicts() -> [String] {
    let environment = agent.environment
    var result: [String] = []
    for variable in environment.required {
      guard let index = index(of: variable.name), let entry = entries[index] else { continue }
      let value = entry["valueFrom"] == nil ? entry["value"]?.string ?? "" : nil
      if value.map({ $0 == variable.value || $0.contains(OdigosPath.agentsPrefix) }) != true {
        result.append(variable.name)
      }
    }
    if let loader = environment.loader, loader.isStrict, !canUse(loader) { result.append(loader.variable.name) }
    if usesLoader { return result }
    for variable in environment.appended where dependsOnSources(variable) {
      if EnvironmentSources.entries(container, variable.name, as: "") == nil { result.append(variable.name) }
    }
    return result
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
    let environment = agent.environment
    for variable in environment.variables {
      // The socket is among the files, and those that the pod has may be without it.
      if keepsFiles, variable.name == OdigosEnvironment.opAMPUnixSocket { continue }
      add(variable, &patch)
    }
    for required in environment.required { add(required.variable, &patch) }
    addNodeVariables(environment.nodeVariables, &patch)
    if let serviceName = environment.serviceName { add(serviceName, &patch) }
    if let attributes = environment.resourceAttributes { addResourceAttributes(attributes, ownerAttributes, &patch) }
    if let loader = environment.loader, canUse(loader) {
      add(loader.variable, &patch)
    } else {
      for variable in environment.appended { append(variable, &patch) }
    }
    for variable in environment.userVariables { add(variable, &patch) }
  }

  private mutating func append(_ variable: AppendedVariable, _ patch: inout PatchBytes) {
    if let index = index(of: variable.name) {
      changes.append((index, variable))
      return
    }
    if variable.mayComeFromSources {
      let original = originalName(variable)
      if let sources = EnvironmentSources.entries(container, variable.name, as: original), !sources.isEmpty {
        additions.append(InjectedVariable(original, variable.imageValue).entry, to: &patch)
        for entry in sources { additions.append(entry, to: &patch) }
        let value = variable.value(for: "$(\(original))")
        additions.append(InjectedVariable(variable.name, value).entry, to: &patch)
        return
      }
    }
    if let entry = variable.entry { additions.append(entry, to: &patch) }
  }

  /// The name under which the value that was there goes on.
  private func originalName(_ variable: AppendedVariable) -> String {
    var original = OdigosEnvironment.originalPrefix + variable.name
    while index(of: original) != nil { original = OdigosEnvironment.originalPrefix + original }
    return original
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
    let original = originalName(variable)
    patch.replace(path, "/env/\(index)/name", value: JSONValue.string(original).serialized())
    var place = index
    if EnvironmentSources.isOptional(source) {
      // The reference must resolve where there is nothing to take the value from: to what would be used then.
      let sources = EnvironmentSources.entries(container, variable.name, as: original) ?? []
      for entry in [InjectedVariable(original, variable.imageValue).entry] + sources {
        patch.add(path, "/env/\(place)", value: entry)
        place += 1
      }
    }
    // Ours directly follows, so that later references to the variable still resolve.
    let value = variable.value(for: "$(\(original))")
    patch.add(path, "/env/\(place + 1)", value: InjectedVariable(variable.name, value).entry)
  }
}

/// Variables that come from ConfigMaps and Secrets as a whole (`envFrom`).
///
/// An entry of `env` hides them, and a reference to a variable that is not there stays as it is written, which breaks
/// programs. So each source is asked for the one key, and may lack it; an entry before gives the value for that case.
enum EnvironmentSources {
  /// The entries that give a variable `name` the value that the container's sources have for `variable`: the last one
  /// that has it counts, as in `envFrom`. Nil where there is a source of a kind that is not known.
  static func entries(_ container: JSONView, _ variable: String, as name: String) -> [[UInt8]]? {
    guard let sources = container["envFrom"], sources.kind == .array else { return [] }
    var result: [[UInt8]] = []
    for source in sources.elements {
      let prefix = source["prefix"]?.string ?? ""
      guard variable.hasPrefix(prefix), variable.utf8.count > prefix.utf8.count else { continue }
      guard let (kind, reference) = kind(of: source), let object = reference["name"]?.string else { return nil }
      let key = String(variable.dropFirst(prefix.count))
      let selector: JSONValue = ["name": .string(object), "key": .string(key), "optional": true]
      let entry: JSONValue = ["name": .string(name), "valueFrom": .object([kind: selector])]
      result.append(entry.serialized())
    }
    return result
  }

  private static func kind(of source: JSONView) -> (String, JSONView)? {
    if let reference = source["configMapRef"], reference.kind == .object { return ("configMapKeyRef", reference) }
    if let reference = source["secretRef"], reference.kind == .object { return ("secretKeyRef", reference) }
    return nil
  }

  /// Whether a source of one variable (`valueFrom`) may be missing.
  static func isOptional(_ source: JSONView) -> Bool {
    source.members.contains { $0.value["optional"]?.bool == true }
  }
}
