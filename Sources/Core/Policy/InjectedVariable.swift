import JSON

/// One of the variables that are appended to a container, prepared so that admission only copies bytes. A class, so that
/// admission does not count references to each of its parts.
final class InjectedVariable: Sendable {
  /// The name.
  let name: String
  /// The entry of `env`.
  let entry: [UInt8]

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

/// A variable that gets our value beside its own. A class for the same reason.
final class AppendedVariable: Sendable {
  let name: String
  private let separator: String
  private let ours: String
  /// The entry for a container that has no such variable: ours behind what the image gives. Nil where the image's
  /// value is ours already.
  let entry: [UInt8]?
  /// What the process has when nothing in the pod sets the variable, as the value of an entry.
  let imageValue: String
  /// Whether a container that has `envFrom` may have the variable from there: the process has a value that the image
  /// does not explain, or nobody looked.
  let mayComeFromSources: Bool
  /// The first name under which a value that was there goes on, and the entries for a container whose variable comes
  /// from a source: what is used where the source lacks it, and ours, which refers to it.
  let moved: Moved

  /// What a variable becomes whose value goes on under another name.
  struct Moved: Sendable {
    let name: String
    let original: [UInt8]
    let reference: [UInt8]
  }

  init(_ variable: Distribution.AppendedVariable, parameters: [String: String], details: RuntimeFacts?) {
    func last(_ values: [NamedValue]?) -> String? { values?.last { $0.name == variable.name }?.value }
    let image = last(details?.envFromContainerRuntime)
    let separator = variable.separator
    let ours = variable.appended(to: "", parameters: parameters)
    let imageValue = InjectedVariable.escaped(image ?? "")
    name = variable.name
    self.separator = separator
    self.ours = ours
    self.imageValue = imageValue
    moved = Self.moved(variable.name, as: OdigosEnvironment.originalPrefix + variable.name, imageValue) {
      Self.joined($0, separator, ours)
    }
    if let details, details.isObserved {
      let observed = last(details.envVars)
      mayComeFromSources = observed != nil && observed != image
    } else {
      mayComeFromSources = true
    }
    if image?.contains(OdigosPath.agentsPrefix) == true {
      entry = nil
    } else {
      let alone = variable.alone.map { Distribution.resolve($0, parameters) } ?? ours
      entry = InjectedVariable(name, image == nil ? alone : Self.joined(imageValue, separator, ours)).entry
    }
  }

  /// The whole value for one that was there.
  func value(for original: String) -> String { Self.joined(original, separator, ours) }

  private static func joined(_ original: String, _ separator: String, _ ours: String) -> String {
    original.isEmpty ? ours : original + separator + ours
  }

  /// What it becomes when its value goes on under that name.
  func moved(as original: String) -> Moved {
    original == moved.name ? moved : Self.moved(name, as: original, imageValue, value)
  }

  private static func moved(_ name: String, as original: String, _ imageValue: String, _ value: (String) -> String)
    -> Moved
  {
    Moved(
      name: original, original: InjectedVariable(original, imageValue).entry,
      reference: InjectedVariable(name, value("$(\(original))")).entry)
  }
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
    var bytes: [UInt8] = []
    bytes.reserveCapacity(192)
    func add(_ name: StaticString, _ value: String) {
      bytes.append(contentsOf: ",k8s.".utf8)
      bytes.append(contentsOf: intermediate.kind.rawValue.utf8)
      name.withUTF8Buffer { bytes.append(contentsOf: $0) }
      JSONValue.append(content: value, to: &bytes)
    }
    // A Job that is itself the workload has said its name already.
    if owner.workload.kind != .job { add(".name=", intermediate.name) }
    if !intermediate.uid.isEmpty { add(".uid=", intermediate.uid) }
    bytes.append(contentsOf: end)
    return bytes
  }
}
