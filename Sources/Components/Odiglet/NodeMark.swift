import JSON
import KubeObjects
import Policy

/// What the node's object says of the agent: a label on nodes that pods may rely on, a taint that keeps pods away from
/// new nodes until then (Karpenter's `startupTaints`), and an annotation with the agents that the node has. As a value:
/// what is known in, what to write out.
///
/// The label stays over restarts and rolling updates, because what the agent has brought stays usable: pods with host
/// paths, which go by the label, can be scheduled all the time. It goes when the agent files have been broken for a
/// while, and when the agent leaves for good. The annotation stays over restarts and updates, too: what the node has
/// decides what the whole cluster may inject, which must not come and go. It only goes when the agent leaves for good.
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

  /// The patch that takes label and annotation away (RFC 7386), whatever is known of the node.
  static let leaving: JSONValue = [
    "metadata": [
      "labels": [OdigosLabel.odigletInstalled: .null], "annotations": [OdigosAnnotation.nodeAgents: .null],
    ]
  ]

  /// The patch that makes the node so (RFC 7386); nil when it is so already.
  ///
  /// - Parameters:
  ///   - isWanted: whether the label is; nil keeps what is there.
  ///   - agents: what the annotation shall say; nil keeps what is there.
  static func patch(_ node: Node, isWanted: Bool?, agents: AgentInventoryReport?) -> JSONValue? {
    var patch: JSONValue = [:]
    let label = node.metadata.labels[OdigosLabel.odigletInstalled]
    if let isWanted, isWanted != (label == "true") {
      patch.set(["metadata", "labels", OdigosLabel.odigletInstalled], isWanted ? "true" : .null)
    }
    if let agents {
      let text = String(decoding: agents.json.serialized(), as: UTF8.self)
      if node.metadata.annotations[OdigosAnnotation.nodeAgents] != text {
        patch.set(["metadata", "annotations", OdigosAnnotation.nodeAgents], .string(text))
      }
    }
    let taints = node.json.at("spec", "taints")?.array ?? []
    let others = taints.filter { $0["key"]?.string != OdigosTaint.needsInit }
    if isWanted == true, others.count != taints.count {
      patch.set(["spec", "taints"], .array(others))
      // The list has other owners: nothing of theirs may get lost.
      patch.set(["metadata", "resourceVersion"], node.json.at("metadata", "resourceVersion"))
    }
    return patch == [:] ? nil : patch
  }

  /// Whether an agent that ends will not come back to its node: its DaemonSet is gone or going, or does not select
  /// the node any more. A restart, an update and an eviction are none of these.
  ///
  /// - Parameters:
  ///   - daemonSet: the agent's; nil where there is none.
  ///   - nodeLabels: the labels of the node; nil where they are not known.
  static func isLeaving(daemonSet: JSONValue?, nodeLabels: [String: String]?) -> Bool {
    guard let daemonSet, daemonSet.at("metadata", "deletionTimestamp") == nil else { return true }
    guard let nodeLabels else { return false }
    let selector = daemonSet.at("spec", "template", "spec", "nodeSelector")?.object ?? [:]
    return selector.contains { name, value in nodeLabels[name] != value.string }
  }

  /// Drops what is not read here of a node: the list of its images alone can have many kilobytes.
  static func trimmed(_ node: Node) -> Node {
    var kept: JSONValue = ["apiVersion": "v1", "kind": "Node"]
    for path in [
      ["metadata", "name"], ["metadata", "resourceVersion"], ["metadata", "labels"],
      ["metadata", "annotations", OdigosAnnotation.nodeAgents], ["spec", "taints"], ["status", "allocatable", "pods"],
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
    let most = OdigletConfiguration.capacities.upperBound
    return min(max(1024, 8 * min(pods ?? 0, most)), most)
  }
}
