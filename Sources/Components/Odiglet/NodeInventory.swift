import Policy

/// Which agent files the node has, for the annotation on it: nothing is injected that is not there.
struct NodeInventory: Sendable {
  /// Where the host's agent directory is mounted.
  var directory: String
  /// Whether this node agent answers agents by OpAMP.
  var hasOpAMPServer = false
  /// The distributions that this node agent instruments from the kernel.
  var kernelDistributions: Set<String> = []

  /// What the node has now; nil while there are no agent files, which keeps what was said before: they come back
  /// before pods can have them.
  func report() -> AgentInventoryReport? {
    guard AgentInstallation.isPresent(in: directory) else { return nil }
    var report = written ?? AgentInventoryReport(inventory: AgentInventory(directories: Set(names)))
    report = report.limited { FileOperation.exists("\(directory)/\(AgentInstallation.currentName)/\($0)") }
    report.inventory.distributions.formUnion(kernelDistributions)
    report.inventory.hasOpAMPServer = hasOpAMPServer
    return report
  }

  /// What the image that the files came from has said of them.
  private var written: AgentInventoryReport? {
    let path = "\(directory)/\(AgentInstallation.currentName)/\(OdigosPath.agentInventory)"
    var text: [UInt8] = []
    guard (try? FileOperation.read(path, { text += $0 })) != nil else { return nil }
    return AgentInventoryReport(parsing: String(decoding: text, as: UTF8.self))
  }

  /// Files of a release that wrote no inventory.
  private var names: [String] {
    (try? FileOperation.names(in: "\(directory)/\(AgentInstallation.currentName)/.")) ?? []
  }
}
