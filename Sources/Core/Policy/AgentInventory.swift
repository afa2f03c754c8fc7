/// What the nodes have for instrumented containers: a fact that the node agents know, so that nothing is injected that
/// is not there.
public struct AgentInventory: Sendable, Hashable {
  /// The names of the distributions whose agents are there: as files, or in the kernel.
  public var distributions: Set<String>
  /// Whether the loader is among the agent files.
  public var hasLoader: Bool
  /// Whether the node agents answer agents by OpAMP.
  public var hasOpAMPServer: Bool

  /// Gathers the fact.
  public init(distributions: Set<String>, hasLoader: Bool = false, hasOpAMPServer: Bool = false) {
    self.distributions = distributions
    self.hasLoader = hasLoader
    self.hasOpAMPServer = hasOpAMPServer
  }

  /// What follows from the directories of agent files that a node has.
  ///
  /// - Parameters:
  ///   - directories: the names below the directory of the agent files.
  ///   - kernelDistributions: what the node agent instruments from the kernel.
  ///   - hasOpAMPServer: whether the node agent answers agents.
  public init(directories: Set<String>, kernelDistributions: Set<String> = [], hasOpAMPServer: Bool = false) {
    let files = Distributions.all.filter { !$0.isEBPF && directories.isSuperset(of: $0.directories) }.map(\.name)
    self.init(
      distributions: kernelDistributions.union(files), hasLoader: directories.contains(OdigosPath.loaderDirectory),
      hasOpAMPServer: hasOpAMPServer)
  }

  /// What the image of this release brings to every node (`deploy/agents`).
  public static let release = AgentInventory(directories: ["python"], hasOpAMPServer: true)

  /// Everything that there could be.
  public static let everything = AgentInventory(
    distributions: Set(Distributions.all.map(\.name)), hasLoader: true, hasOpAMPServer: true)

  /// Why a distribution cannot be used, as a sentence; nil where it can.
  func absence(of distribution: Distribution) -> String? {
    if distributions.contains(distribution.name) { return nil }
    let present = distributions.sorted().joined(separator: ", ")
    let there = present.isEmpty ? "There is no other." : "There are: \(present)."
    if distribution.isEBPF {
      return "\(distribution.displayName) (\(distribution.name)) instruments from the kernel, which the node agents of "
        + "this release cannot do. \(there)"
    }
    return "The files of \(distribution.displayName) (\(distribution.name)) are not on the nodes: the image of this "
      + "release does not have them. \(there)"
  }
}
