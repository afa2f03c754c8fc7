import KubeClient
import KubeObjects
import Policy

/// The nodes that have the same agents.
struct NodeAgents: Equatable {
  /// What they say that they have.
  var report: AgentInventoryReport
  /// Their names, in order.
  var nodes: [String]

  /// Asks the cluster; a group for each set of agents, the largest first.
  static func groups(_ client: KubeClient) async throws(KubeError) -> [NodeAgents] {
    var options = ListOptions()
    options.isMetadataOnly = true
    return groups(try await client.list(Node.self, options))
  }

  /// Sorts nodes by what they say; those that say nothing are left out.
  static func groups(_ nodes: [Node]) -> [NodeAgents] {
    var groups: [AgentInventoryReport: [String]] = [:]
    for node in nodes {
      let report = node.metadata.annotations[OdigosAnnotation.nodeAgents].flatMap { AgentInventoryReport(parsing: $0) }
      if let report { groups[report, default: []].append(node.name) }
    }
    return groups.map { NodeAgents(report: $0.key, nodes: $0.value.sorted()) }
      .sorted { ($1.nodes.count, $0.nodes[0]) < ($0.nodes.count, $1.nodes[0]) }
  }

  /// The groups in words; nil where they could not be asked for.
  static func lines(_ groups: [NodeAgents]?) -> [String] {
    guard let groups else { return ["the nodes cannot be listed"] }
    if groups.isEmpty { return ["no node has said yet which it has"] }
    return groups.flatMap { group in
      let shown = group.nodes.prefix(3).joined(separator: ", ")
      let more = group.nodes.count > 3 ? " and \(group.nodes.count - 3) more" : ""
      let inventory = group.report.inventory
      var lines = ["on \(shown)\(more) (\(group.report.fingerprint.isEmpty ? "unnamed" : group.report.fingerprint)):"]
      for name in inventory.distributions.sorted() {
        let version = group.report.versions[name].map { " \($0)" } ?? ""
        let variants = inventory.variants[name].map { " for \($0.sorted().joined(separator: ", "))" } ?? ""
        lines.append("  \(name)\(version)\(variants)")
      }
      lines.append("  loader: \(inventory.hasLoader ? "yes" : "no")")
      for (name, why) in inventory.missing.sorted(by: { $0.key < $1.key }) { lines.append("  without \(name): \(why)") }
      return lines
    }
  }
}
