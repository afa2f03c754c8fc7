import JSON

/// One of the variables that are appended to a container, prepared so that admission only copies bytes.
struct InjectedVariable: Sendable {
  /// The name.
  var name: String
  /// The entry of `env`.
  var entry: [UInt8]

  /// A variable with a value.
  init(_ name: String, _ value: String) {
    self.name = name
    entry = JSONValue.object(["name": .string(name), "value": .string(value)]).serialized()
  }

  /// A variable whose value the kubelet takes from the pod.
  init(_ name: String, field: String) {
    self.name = name
    let entry: JSONValue = [
      "name": .string(name), "valueFrom": ["fieldRef": ["apiVersion": "v1", "fieldPath": .string(field)]],
    ]
    self.entry = entry.serialized()
  }

  /// A literal text for the value of a variable, in which `$` begins references and escapes.
  static func escaped(_ text: String) -> String {
    if !text.utf8.contains(UInt8(ascii: "$")) { return text }
    var result = ""
    for character in text { result += character == "$" ? "$$" : String(character) }
    return result
  }
}

/// A variable without whose value the agent does not load.
struct RequiredVariable: Sendable {
  var variable: InjectedVariable
  var value: String

  var name: String { variable.name }

  init(_ name: String, _ value: String) {
    variable = InjectedVariable(name, value)
    self.value = value
  }
}

/// A variable that gets our value beside its own.
struct AppendedVariable: Sendable {
  var name: String
  var separator: String
  var ours: String
  /// The entry for a container that has no such variable: ours behind what the image gives. Nil where the image's
  /// value is ours already.
  var entry: [UInt8]?
  /// What the process has when nothing in the pod sets the variable, as the value of an entry.
  var imageValue: String
  /// Whether a container that has `envFrom` may have the variable from there: the process has a value that the image
  /// does not explain, or nobody looked.
  var mayComeFromSources: Bool

  init(_ variable: Distribution.AppendedVariable, parameters: [String: String], details: RuntimeFacts?) {
    func last(_ values: [NamedValue]?) -> String? { values?.last { $0.name == variable.name }?.value }
    let image = last(details?.envFromContainerRuntime)
    name = variable.name
    separator = variable.separator
    ours = variable.appended(to: "", parameters: parameters)
    imageValue = InjectedVariable.escaped(image ?? "")
    if let details, details.isObserved {
      let observed = last(details.envVars)
      mayComeFromSources = observed != nil && observed != image
    } else {
      mayComeFromSources = true
    }
    entry = nil
    if image?.contains(OdigosPath.agentsPrefix) == true { return }
    let alone = variable.alone.map { Distribution.resolve($0, parameters) } ?? ours
    entry = InjectedVariable(name, image == nil ? alone : value(for: imageValue)).entry
  }

  /// The whole value for one that was there.
  func value(for original: String) -> String { original.isEmpty ? ours : original + separator + ours }
}

/// Variables whose values name the address of the node. Two forms: a container may have a `NODE_IP` that means
/// something else.
struct NodeVariables: Sendable {
  /// The field of a pod that holds the address of its node.
  static let addressField = "status.hostIP"

  var address = InjectedVariable(OdigosEnvironment.nodeIP, field: addressField)
  var ownAddress = InjectedVariable(OdigosEnvironment.ownNodeIP, field: addressField)
  var values: [(variable: InjectedVariable, own: InjectedVariable)] = []

  /// Adds a variable whose value is made of the reference to the address.
  mutating func append(_ name: String, _ value: (String) -> String) {
    values.append(
      (
        InjectedVariable(name, value("$(\(OdigosEnvironment.nodeIP))")),
        InjectedVariable(name, value("$(\(OdigosEnvironment.ownNodeIP))"))
      ))
  }
}

/// The resource attributes: the entries without their ends, which depend on the pod's owner.
struct ResourceAttributes: Sendable {
  /// The entry for a container that has none of its own.
  var entry: [UInt8]
  /// The entry, under our own name, for one that has.
  var ownEntry: [UInt8]

  /// By this beginning ours are recognised.
  static let start = "k8s.pod.name=$(\(OdigosEnvironment.podName))"
  /// What closes an entry.
  private static let end = Array("\"}".utf8)

  init(_ workload: WorkloadReference, containerName: String) {
    var text = Self.start
    text += ",k8s.container.name=\(containerName),k8s.namespace.name=\(workload.namespace)"
    if let key = workload.kind.attributeKey { text += ",\(key)=\(workload.name)" }
    text += ",odigos.workload.kind=\(workload.kind.rawValue),odigos.workload.name=\(workload.name)"
    func open(_ name: String) -> [UInt8] { InjectedVariable(name, text).entry.dropLast(Self.end.count) }
    entry = open(OdigosEnvironment.resourceAttributes)
    ownEntry = open(OdigosEnvironment.ownResourceAttributes)
  }

  /// The end of the entries for pods of that owner.
  static func end(_ owner: WorkloadOwner) -> [UInt8] {
    guard let intermediate = owner.intermediate else { return end }
    let key = "k8s.\(intermediate.kind.rawValue)"
    // A Job that is itself the workload has said its name already.
    var text = owner.workload.kind == .job ? "" : ",\(key).name=\(intermediate.name)"
    if !intermediate.uid.isEmpty { text += ",\(key).uid=\(intermediate.uid)" }
    return JSONValue.string(text).serialized().dropFirst() + [UInt8(ascii: "}")]
  }
}
