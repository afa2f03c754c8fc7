/// What the nodes have for instrumented containers: a fact that the node agents know, so that nothing is injected that
/// is not there.
public struct AgentInventory: Sendable, Hashable {
  /// The names of the distributions whose agents are there: as files, or in the kernel.
  public var distributions: Set<String>
  /// Of distributions whose files differ by a parameter of the process (PHP's version, the C library of .NET): the
  /// values that there are files for. A distribution that is not named here is there for all.
  public var variants: [String: Set<String>]
  /// Why a distribution, or the loader, is not there, as part of a sentence; by name, for those of which it is known.
  public var missing: [String: String]
  /// Whether the loader is among the agent files.
  public var hasLoader: Bool
  /// Whether the node agents answer agents by OpAMP.
  public var hasOpAMPServer: Bool

  /// Gathers the fact.
  public init(
    distributions: Set<String>, variants: [String: Set<String>] = [:], missing: [String: String] = [:],
    hasLoader: Bool = false, hasOpAMPServer: Bool = false
  ) {
    self.distributions = distributions
    self.variants = variants
    self.missing = missing
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

  /// What is taken for granted where neither a node nor the image says what it has: what `hack/agents` can always lay
  /// out.
  public static let release = AgentInventory(directories: ["python"])

  /// Everything that there could be.
  public static let everything = AgentInventory(
    distributions: Set(Distributions.all.map(\.name)), hasLoader: true, hasOpAMPServer: true)

  /// What every one of several nodes has, so that a pod may come to any of them; nil for no node.
  ///
  /// - Parameter nodes: the names of the nodes that have the same, and what they have.
  public static func common(_ nodes: [(names: [String], inventory: AgentInventory)]) -> AgentInventory? {
    guard var result = nodes.first?.inventory else { return nil }
    for (_, other) in nodes.dropFirst() { result = result.intersection(other) }
    let known = nodes.reduce(into: Set<String>()) { $0.formUnion($1.inventory.distributions) }
    for name in known.subtracting(result.distributions) {
      let lacking = nodes.filter { !$0.inventory.distributions.contains(name) }
      guard let first = lacking.first, let node = first.names.min() else { continue }
      let others = lacking.reduce(-1) { $0 + $1.names.count }
      let why = first.inventory.missing[name].map { ": \($0)" } ?? ""
      result.missing[name] =
        "the node \(node)\(others > 0 ? " and \(others) more do" : " does") not have them\(why)"
    }
    return result
  }

  /// What both have.
  public func intersection(_ other: AgentInventory) -> AgentInventory {
    var result = self
    result.distributions.formIntersection(other.distributions)
    for (name, values) in other.variants {
      result.variants[name] = result.variants[name].map { $0.intersection(values) } ?? values
    }
    result.variants = result.variants.filter { result.distributions.contains($0.key) }
    result.missing.merge(other.missing) { first, _ in first }
    result.missing = result.missing.filter { !result.distributions.contains($0.key) }
    result.hasLoader = hasLoader && other.hasLoader
    result.hasOpAMPServer = hasOpAMPServer && other.hasOpAMPServer
    return result
  }

  /// Why a distribution cannot be used, as sentences; nil where it can, as far as its parameters do not matter.
  func absence(of distribution: Distribution) -> String? {
    if distributions.contains(distribution.name) { return nil }
    let present = distributions.sorted().joined(separator: ", ")
    let there = present.isEmpty ? "There is no other." : "There are: \(present)."
    if distribution.isEBPF {
      return "\(distribution.displayName) (\(distribution.name)) instruments from the kernel, which the node agents of "
        + "this release cannot do. \(there)"
    }
    let why = missing[distribution.name] ?? "the image of this release does not have them"
    return "The files of \(distribution.displayName) (\(distribution.name)) are not on the nodes: \(why). \(there)"
  }

  /// Why a distribution cannot be used in a process with these parameters, as sentences; nil where it can.
  func absence(of distribution: Distribution, _ parameters: [String: String]) -> String? {
    guard let there = variants[distribution.name], let parameter = distribution.requiredParameters.first,
      let value = parameters[parameter], !there.contains(value)
    else { return nil }
    let why = missing["\(distribution.name)/\(value)"].map { " (\($0))" } ?? ""
    let list = there.isEmpty ? "none" : there.sorted().joined(separator: ", ")
    return "The files of \(distribution.displayName) (\(distribution.name)) for \(parameter) \(value) are not on the "
      + "nodes\(why). There are files for: \(list)."
  }
}
