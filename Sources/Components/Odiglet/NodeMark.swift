import JSON
import KubeObjects
import Policy

/// What the node's object says of the agent: a label on nodes that pods may rely on, and a taint that keeps pods away
/// from new nodes until then (Karpenter's `startupTaints`). As a value: what is known in, what to write out.
///
/// The label stays over restarts and rolling updates, because what the agent has brought stays usable: pods with host
/// paths, which go by the label, can be scheduled all the time. It goes when the agent files have been broken for a
/// while, and when the agent leaves for good.
struct NodeMark: Sendable, Equatable {
  /// Whether the label is wanted; nil while that is not known, and what is there stays.
  private(set) var isWanted: Bool?
  private var filesMissingSince: Duration?

  /// How long broken agent files are put up with; putting them back takes seconds.
  static let patience = Duration.seconds(30)

  /// Takes how it stands at a time of a monotonic clock.
  ///
  /// - Parameters:
  ///   - isReady: everything that pods rely on is there.
  ///   - hasFiles: the agent files are there and complete.
  mutating func receive(isReady: Bool, hasFiles: Bool, at now: Duration) {
    if hasFiles {
      filesMissingSince = nil
      if isReady { isWanted = true }
    } else {
      let since = filesMissingSince ?? now
      filesMissingSince = since
      if now - since >= Self.patience { isWanted = false }
    }
  }

  /// The patch that makes the node so (RFC 7386); nil when it is so already.
  static func patch(_ node: Node, isWanted: Bool) -> JSONValue? {
    var patch: JSONValue = [:]
    let label = node.metadata.labels[OdigosLabel.odigletInstalled]
    if isWanted != (label == "true") {
      patch.set(["metadata", "labels", OdigosLabel.odigletInstalled], isWanted ? "true" : .null)
    }
    let taints = node.json.at("spec", "taints")?.array ?? []
    let others = taints.filter { $0["key"]?.string != OdigosTaint.needsInit }
    if isWanted, others.count != taints.count {
      patch.set(["spec", "taints"], .array(others))
      // The list has other owners: nothing of theirs may get lost.
      patch.set(["metadata", "resourceVersion"], node.json.at("metadata", "resourceVersion"))
    }
    return patch == [:] ? nil : patch
  }

  /// Whether an agent that ends will not come back to its node: its DaemonSet is gone or going, or does not select
  /// the node any more. A restart, an update and an eviction are none of these.
  static func isLeaving(daemonSet: JSONValue?, nodeLabels: [String: String]) -> Bool {
    guard let daemonSet, daemonSet.at("metadata", "deletionTimestamp") == nil else { return true }
    let selector = daemonSet.at("spec", "template", "spec", "nodeSelector")?.object ?? [:]
    return selector.contains { name, value in nodeLabels[name] != value.string }
  }

  /// Drops what is not read here of a node: the list of its images alone can have many kilobytes.
  static func trimmed(_ node: Node) -> Node {
    var kept: JSONValue = ["apiVersion": "v1", "kind": "Node"]
    for path in [
      ["metadata", "name"], ["metadata", "resourceVersion"], ["metadata", "labels"], ["spec", "taints"],
      ["status", "allocatable", "pods"],
    ] {
      if let value = node.json.at(path) { kept.set(path, value) }
    }
    return Node(json: kept)
  }
}

/// How many containers of a node may hold a device at once, where nobody has said.
enum DeviceCapacity {
  /// More than pods have containers: the device shall never be what a node has too few of.
  static func forNode(pods: Int?) -> Int {
    min(max(1024, 8 * (pods ?? 0)), OdigletConfiguration.capacities.upperBound)
  }
}
