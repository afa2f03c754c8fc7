import JSON

/// What there is of the system and its nodes, and what of that an earlier test should have undone.
struct InstallationState {
  /// What a test has left behind that was ended, or that could not clean up.
  enum Leftover: Hashable, CustomStringConvertible {
    case configuration
    case missingComponent(String)
    case scaledInstrumentor(Int)
    case nodeAgentKeptAway
    case nodeAgentImage(String)
    case trafficPolicy(service: String)
    case rule(String)
    case node(String)
    case taint(node: String)

    var description: String {
      switch self {
      case .configuration: "another configuration"
      case .missingComponent(let name): "\(name) is missing"
      case .scaledInstrumentor(let replicas): "\(replicas) replicas of the instrumentor"
      case .nodeAgentKeptAway: "a node agent that is kept off every node"
      case .nodeAgentImage(let image): "a node agent of the image \(image)"
      case .trafficPolicy(let service): "Service \(service) leads to other nodes"
      case .rule(let name): "InstrumentationRule \(name)"
      case .node(let name): "node \(name)"
      case .taint(let node): "a taint of node \(node)"
      }
    }
  }

  static let deployments = ["odigos-autoscaler", "odigos-instrumentor", "odigos-scheduler"]
  static let instrumentors = 2
  static let device = "instrumentation.odigos.io/generic"
  /// A selector of nodes that none has.
  static let nowhere = "e2e.odigos.io/nowhere"
  static let strangeNode = "e2e-not-its-node"
  static let startupTaint = "odigos.io/needs-init"

  private let objects: [JSONValue]
  private let nodes: [JSONValue]
  private let image: String

  /// - Parameters:
  ///   - objects: those of the system's namespace: Deployments, DaemonSets, ConfigMaps, Services, InstrumentationRules.
  ///   - image: what the suite installs.
  init(objects: [JSONValue], nodes: [JSONValue], image: String) {
    (self.objects, self.nodes, self.image) = (objects, nodes, image)
  }

  /// Asks the cluster.
  static func now() throws -> InstallationState {
    let kinds = "deployments,daemonsets,configmaps,services,instrumentationrules"
    return InstallationState(
      objects: try Cluster.list(kinds, in: Cluster.systemNamespace), nodes: try Cluster.list("nodes", in: nil),
      image: Installation.image)
  }

  /// In the order in which they are put right.
  var leftovers: [Leftover] {
    let names = Self.deployments.map { ("Deployment", $0) } + [("DaemonSet", "odiglet")]
    let missing = names.filter { object($0.0, $0.1) == nil }.map { Leftover.missingComponent($0.1) }
    return missing + leftoversOfTheSystem + leftoversOfNodes
  }

  private var leftoversOfTheSystem: [Leftover] {
    var found: [Leftover] = []
    if object("ConfigMap", "odigos-config")?.at("metadata", "annotations", Setting.noteOfBefore) != nil {
      found.append(.configuration)
    }
    let replicas = object("Deployment", "odigos-instrumentor")?.at("spec", "replicas")?.int
    if let replicas, replicas != Self.instrumentors { found.append(.scaledInstrumentor(replicas)) }
    let agent = object("DaemonSet", "odiglet")?.at("spec", "template", "spec")
    if agent?.at("nodeSelector", Self.nowhere) != nil { found.append(.nodeAgentKeptAway) }
    let images = ((agent?["initContainers"]?.array ?? []) + (agent?["containers"]?.array ?? []))
      .compactMap { $0["image"]?.string }
    if let other = images.first(where: { $0 != image }) { found.append(.nodeAgentImage(other)) }
    for service in objects where service["kind"] == "Service" && name(service).hasSuffix("-local") {
      if service.at("spec", "internalTrafficPolicy") == "Cluster" {
        found.append(.trafficPolicy(service: name(service)))
      }
    }
    for rule in objects where rule["kind"] == "InstrumentationRule" && name(rule).hasPrefix("e2e-") {
      found.append(.rule(name(rule)))
    }
    return found
  }

  private var leftoversOfNodes: [Leftover] {
    var found: [Leftover] = []
    for node in nodes {
      if name(node) == Self.strangeNode { found.append(.node(name(node))) }
      let taints = node.at("spec", "taints")?.array ?? []
      if taints.contains(where: { $0["key"]?.string == Self.startupTaint }) { found.append(.taint(node: name(node))) }
    }
    return found
  }

  /// What is not ready; nil where a test can begin.
  var missing: String? {
    var found: [String] = []
    for node in nodes {
      let conditions = node.at("status", "conditions")?.array ?? []
      let isReady = conditions.contains { $0["type"]?.string == "Ready" && $0["status"]?.string == "True" }
      if !isReady { found.append("node \(name(node)) is not ready") }
      if Int(node.at("status", "allocatable", Self.device)?.string ?? "") ?? 0 == 0 {
        found.append("node \(name(node)) has no device")
      }
    }
    // The gateway is made when there is a destination.
    for component in Self.deployments + ["odigos-gateway"] {
      if let missing = Rollout.missing(object("Deployment", component)) { found.append("\(component): \(missing)") }
    }
    if let missing = Rollout.missing(object("DaemonSet", "odiglet")) { found.append("odiglet: \(missing)") }
    return found.isEmpty ? nil : found.joined(separator: "; ")
  }

  /// Whether some node does not answer.
  var hasLostNode: Bool { missing?.contains("is not ready") ?? false }

  private func object(_ kind: String, _ name: String) -> JSONValue? {
    objects.first { $0["kind"]?.string == kind && self.name($0) == name }
  }

  private func name(_ object: JSONValue) -> String { object.at("metadata", "name")?.string ?? "" }
}
