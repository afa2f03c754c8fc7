import Concurrency
import Glibc
import KubeClient
import KubeObjects
import Logging
import Policy

/// Which agents can be injected: what every node has that a pod may come to.
///
/// Node agents annotate their nodes with what they have installed. A node counts from then on, whether its node agent
/// runs at the moment or not: if it came and went, so would the agents of every workload that only some nodes can
/// serve. Where no node has said anything yet, what the instrumentor's own image has is as good, because all components
/// share one image; where that has no inventory either (a program that was built by hand), `AgentInventory.release`.
final class ClusterAgents: Sendable {
  private struct State: Sendable {
    var nodes: [String: AgentInventoryReport] = [:]
    /// The nodes by what they have: of many nodes most have the same.
    var groups: [AgentInventoryReport: Set<String>] = [:]
    var common: AgentInventory?
    var handlers: [@Sendable () -> Void] = []

    /// Moves a node to another group; whether that changes what all have.
    mutating func regroup(_ node: String, _ old: AgentInventoryReport?, _ new: AgentInventoryReport?) -> Bool {
      let count = groups.count
      if let old {
        groups[old]?.remove(node)
        if groups[old]?.isEmpty == true { groups[old] = nil }
      }
      let isNew = new.map { groups[$0] == nil } ?? false
      if let new { groups[new, default: []].insert(node) }
      guard isNew || groups.count != count else { return false }
      let sorted = groups.map { (names: Array($0.value), inventory: $0.key.inventory) }
        .sorted { ($0.names.min() ?? "") < ($1.names.min() ?? "") }
      let before = common
      common = AgentInventory.common(sorted)
      return common != before
    }
  }

  /// What is kept of nodes.
  static let readPaths = [
    ["metadata", "name"], ["metadata", "resourceVersion"], ["metadata", "annotations", OdigosAnnotation.nodeAgents],
  ]

  private let state = Locked(State())
  private let image: AgentInventory
  private let logger: Logger

  /// Registers with the caches; make it before they run.
  ///
  /// - Parameters:
  ///   - caches: which have the nodes.
  ///   - image: what the image says of itself; nil where it says nothing.
  init(caches: InstrumentorCaches, image: AgentInventoryReport?, logger: Logger) {
    self.image = image?.inventory ?? .release
    self.logger = logger
    caches.nodes.onChange { [weak self] old, new in
      guard let self, let name = (new ?? old)?.name else { return }
      self.note(name, new?.metadata.annotations[OdigosAnnotation.nodeAgents])
    }
  }

  /// What can be injected.
  ///
  /// - Parameter method: how agent files come into pods: from the node, or from the image.
  func inventory(for method: MountMethod) -> AgentInventory {
    guard let nodes = state.withLock({ $0.common }) else { return image }
    switch method {
    case .virtualDevice, .hostPath: return nodes
    case .automatic: return nodes.intersection(image)
    case .initContainer, .imageVolume:
      // The OpAMP server is the nodes', wherever the files come from.
      var result = image
      result.hasOpAMPServer = nodes.hasOpAMPServer
      return result
    }
  }

  /// Calls when the answer may have changed. Register before the caches run.
  func onChange(_ handler: @escaping @Sendable () -> Void) { state.withLock { $0.handlers.append(handler) } }

  private func note(_ node: String, _ annotation: String?) {
    let report = annotation.flatMap { AgentInventoryReport(parsing: $0) }
    if annotation != nil, report == nil {
      logger.warning(
        "the annotation \(OdigosAnnotation.nodeAgents) cannot be read, the node does not count",
        metadata: ["node": "\(node)"])
    }
    let handlers: [@Sendable () -> Void] = state.withLock { state in
      guard state.nodes[node] != report else { return [] }
      let before = state.nodes[node]
      state.nodes[node] = report
      return state.regroup(node, before, report) ? state.handlers : []
    }
    if handlers.isEmpty { return }
    let names = state.withLock { $0.common }?.distributions.sorted().joined(separator: ", ") ?? "as in the image"
    logger.info("what the nodes have of agents has changed", metadata: ["distributions": "\(names)"])
    for handler in handlers { handler() }
  }

  /// What an image says of the agent files in a directory of it; nil where it says nothing.
  static func report(in directory: String) -> AgentInventoryReport? {
    guard let file = fopen("\(directory)/\(OdigosPath.agentInventory)", "re") else { return nil }
    defer { fclose(file) }
    var text: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while text.count < 1 << 20 {
      let count = fread(&buffer, 1, buffer.count, file)
      if count == 0 { break }
      text += buffer[..<count]
    }
    return AgentInventoryReport(parsing: String(decoding: text, as: UTF8.self))
  }
}
