import JSON
import KubeObjects
import OdigosObjects
import Policy
import YAML

/// The objects of files, sorted by what they say for an explanation without a cluster.
struct ExplanationFiles {
  private var subject: (object: JSONValue, kind: WorkloadKind)?
  private var namespaces: [String: [String: String]] = [:]
  private var sources: [SourceFacts] = []
  private var rules: [InstrumentationRuleFacts] = []
  private var actions: [AgentActionFacts] = []
  private var configuration = JSONValue.null
  private var details: [RuntimeFacts] = []
  private var collector: NodeCollectorState?
  /// Kinds that say nothing here, by the files that have them.
  private var others: [String: Set<String>] = [:]

  /// Takes a file over. Several objects may stand in one file, divided by `---`.
  mutating func add(_ text: [UInt8], path: String) throws {
    let documents: [JSONValue]
    do { documents = try YAML.documents(text) } catch {
      throw CommandFailure("\(path) is no YAML: \(error)", next: "correct it")
    }
    for document in documents where !document.isNull { try add(document, path: path) }
  }

  private mutating func add(_ object: JSONValue, path: String) throws {
    guard object.object != nil else {
      throw CommandFailure("\(path) holds something that is no object", next: "give manifests or a configuration")
    }
    if let kind = object["kind"]?.string, kind.hasSuffix("List"), let items = object["items"]?.array {
      try add(items, ofListKind: kind, path: path)
      return
    }
    let name = object.at("metadata", "name")?.string ?? ""
    switch object["kind"]?.string {
    case Source.type.kind:
      guard let facts = SourceFacts(json: object) else {
        throw CommandFailure("\(path): Source \(name) names no workload", next: "give it spec.workload.kind and name")
      }
      sources.append(facts)
    case Namespace.type.kind: namespaces[name] = Namespace(json: object).metadata.labels
    case InstrumentationRule.type.kind: rules.append(InstrumentationRuleFacts(InstrumentationRule(json: object)))
    case Action.type.kind: actions += [AgentActionFacts(Action(json: object))].compactMap(\.self)
    case InstrumentationConfig.type.kind:
      details += InstrumentationConfig(json: object).status.runtimeDetailsByContainer
        .compactMap { RuntimeFacts(json: $0.json) }
    case CollectorsGroup.type.kind:
      if name == OdigosName.dataCollection { collector = CollectorsGroup(json: object).state }
    case ConfigMap.type.kind:
      let text = object.at("data", OdigosName.configurationKey)?.string ?? ""
      configuration = try YAML.parse(Array(text.utf8))
    case nil: configuration = object
    case let kind?:
      guard let known = WorkloadKind(named: kind) else {
        others[path, default: []].insert(kind)
        return
      }
      if let other = subject?.object.at("metadata", "name")?.string {
        throw CommandFailure("\(path): both \(other) and \(name) are workloads", next: "give one workload or pod")
      }
      subject = (object, known)
    }
  }

  /// The API server leaves out the kind of what a typed list holds.
  private mutating func add(_ items: [JSONValue], ofListKind list: String, path: String) throws {
    for item in items {
      var item = item
      if item.object != nil, item["kind"]?.string == nil, list != "List" {
        item["kind"] = .string(String(list.dropLast(4)))
      }
      try add(item, path: path)
    }
  }

  /// What the files say together, with what has to be assumed beside them.
  func facts(namespace: String?, runtimes: [RuntimeFacts]) throws -> ExplanationFacts {
    guard let subject else {
      throw CommandFailure("no file has a pod or workload", next: "give one with -f")
    }
    let home = namespace ?? subject.object.at("metadata", "namespace")?.string ?? "default"
    var facts =
      subject.kind == .pod
      ? ExplanationFacts(pod: subject.object, namespace: home)
      : ExplanationFacts(workload: subject.object, kind: subject.kind, namespace: home)
    facts.sources = sources
    facts.rules = rules
    facts.actions = actions
    let effective = EffectiveConfiguration.resolve(user: configuration)
    facts.configuration = effective.configuration
    facts.configurationProblems = effective.problems
    facts.runtimeDetails = details.filter { seen in !runtimes.contains { $0.containerName == seen.containerName } }
    facts.runtimeDetails += runtimes
    facts.namespaceLabels = namespaces[home] ?? [:]
    for (path, kinds) in others.sorted(by: { $0.key < $1.key }) {
      facts.assumptions.append(
        "What \(path) has of kind \(kinds.sorted().joined(separator: ", ")) makes no difference.")
    }
    if namespaces[home] == nil { facts.assumptions.append("The namespace \(home) has no labels.") }
    if !facts.knowsClusterNames { facts.assumeServiceAddresses(because: "no file says so") }
    if let collector {
      facts.nodeCollector = collector
    } else {
      facts.assumptions.append("The node collector is ready and takes every signal.")
    }
    return facts
  }
}

extension ExplanationFacts {
  /// Goes on with addresses that are none of anybody's (RFC 5737).
  mutating func assumeServiceAddresses(because cause: String) {
    serviceAddresses = ServiceAddresses(collector: "192.0.2.1", nodeAgent: "192.0.2.2")
    assumptions.append(
      "The Services that lead to the node collector and the node agent have the addresses 192.0.2.1 and 192.0.2.2, "
        + "which are examples: \(cause).")
  }
}

extension CollectorsGroup {
  /// What the collectors of the group receive.
  var state: NodeCollectorState {
    guard status.ready == true else { return .notReady }
    return .ready(Set(status.receiverSignals.compactMap(CollectedSignal.init(rawValue:))))
  }
}
