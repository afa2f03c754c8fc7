import JSON
import KubeClient
import KubeObjects
import OdigosObjects
import Policy

/// The part of `odigos uninstall` that concerns nodes: stops the node agents, removes what they have put on their nodes
/// with one short-lived pod a node, and takes our label and annotation off. One node never stops the others.
struct NodeCleanup {
  /// The nodes that the system has been on.
  struct Nodes: Equatable {
    /// Those with our label or an annotation of ours, or with a node agent, in order.
    var names: [String] = []
    /// Those of them whose node agent has not stopped: it would put back what is removed.
    var busy: Set<String> = []
    /// The image that has the program which removes the files; nil where none of ours is left to tell.
    var image: String?
  }

  /// A node that keeps files of ours.
  struct Leftover: Equatable {
    /// Its name.
    var node: String
    /// Why they stay.
    var reason: String
  }

  static let nodeLabels = [OdigosLabel.odigletInstalled, "odigos.io/odiglet-enterprise-installed"]
  /// Our note on nodes that are to be cleaned: agents that leave take their own marks off, and the command may be
  /// interrupted before the node is clean.
  static let pendingNote = "odigos.io/cleanup-pending"
  private static let nodeAnnotations = [OdigosAnnotation.nodeAgents, pendingNote]

  var client: KubeClient
  var namespace: String
  var progress: Progress
  /// How long node agents may take to stop: 20 s each (`terminationGracePeriodSeconds`), many nodes a while longer.
  var stopLimit = Duration.seconds(120)
  /// How long the pods that clean may take.
  var cleanLimit = Duration.seconds(180)

  private var daemonSet: ObjectKey { ObjectKey(namespace: namespace, name: OdigosName.odiglet) }

  /// Deletes the node agents' DaemonSet and waits until it and its pods are gone; notes those that do not stop in time.
  func stopAgents() async throws -> Nodes {
    var nodes = Nodes(names: try await markedNodes(), image: try await image())
    nodes.names = Set(nodes.names).union(try await agentPods().compactMap(Self.node)).sorted()
    try await patch(nodes.names, ["metadata": ["annotations": [Self.pendingNote: "true"]]])
    try await client.delete(DaemonSet.type, daemonSet, propagation: .foreground)
    var pods: [JSONValue] = []
    let missing = try await wait(for: stopLimit) {
      pods = try await agentPods()
      let names = pods.map { Self.node($0) ?? "a node to come" }.sorted()
      if !names.isEmpty { return "node agents still run on \(Self.listed(names))" }
      return try await client.get(DaemonSet.self, daemonSet) == nil ? nil : "DaemonSet odiglet is still being deleted"
    }
    if let missing { progress.note(missing) }
    nodes.busy = Set(pods.compactMap(Self.node))
    nodes.names = nodes.busy.union(nodes.names).sorted()
    return nodes
  }

  /// Removes the files, and what we have written on the nodes; answers which nodes keep files, in order.
  func clean(_ nodes: Nodes) async throws -> [Leftover] {
    var reasons: [String: String] = [:]
    var pods: [String: String] = [:]
    for node in nodes.names {
      if nodes.busy.contains(node) {
        reasons[node] = "its node agent still runs"
      } else if let image = nodes.image {
        do { pods[node] = try await startPod(on: node, image) } catch { reasons[node] = "\(error)" }
      } else {
        reasons[node] = "neither DaemonSet odiglet nor Deployment odigos-instrumentor is left to take the image from"
      }
    }
    reasons.merge(try await waitForPods(pods)) { $1 }
    try await patch(nodes.names, Self.withoutMarks)
    return reasons.map(Leftover.init).sorted { $0.node < $1.node }
  }

  /// What the command fails with when nodes keep files; nil where none does.
  static func failure(_ leftovers: [Leftover]) -> CommandFailure? {
    if leftovers.isEmpty { return nil }
    let lines = leftovers.map { "\n  \($0.node): \($0.reason)" }.joined()
    return CommandFailure(
      "Odigos is removed from the cluster, but /var/odigos could not be emptied on these nodes:\(lines)",
      next: "empty /var/odigos there by hand")
  }

  // MARK: What there is

  private func markedNodes() async throws -> [String] {
    var options = ListOptions()
    options.isMetadataOnly = true
    return try await client.list(Node.self, options).filter { node in
      Self.nodeAnnotations.contains { node.metadata.annotations[$0] != nil }
        || Self.nodeLabels.contains { node.metadata.labels[$0] != nil }
    }.map(\.name)
  }

  /// The image of the node agents; all components share one, and an interrupted run has left others.
  private func image() async throws -> String? {
    let instrumentor = ObjectKey(namespace: namespace, name: "odigos-instrumentor")
    func image(of component: JSONValue?) -> String? {
      component?.at("spec", "template", "spec", "containers")?[0]?["image"]?.string
    }
    if let image = image(of: try await client.get(DaemonSet.self, daemonSet)?.json) { return image }
    return image(of: try await client.get(Deployment.self, instrumentor)?.json)
  }

  private func agentPods() async throws -> [JSONValue] { try await pods("odiglet").filter { !Self.hasEnded($0) } }

  /// Whether no container of a pod can put anything back. Of one that is deleted the phase stays as it was until its
  /// kubelet lets go of it, which some do minutes after its containers have ended.
  static func hasEnded(_ pod: JSONValue) -> Bool {
    if ["Succeeded", "Failed"].contains(phase(pod)) { return true }
    let states = ["initContainerStatuses", "containerStatuses"].flatMap { pod.at("status", $0)?.array ?? [] }
    guard pod.at("metadata", "deletionTimestamp") != nil, !states.isEmpty else { return false }
    return states.allSatisfy { $0.at("state", "terminated") != nil }
  }

  private func pods(_ name: String) async throws -> [JSONValue] {
    let options = ListOptions(labelSelector: "app.kubernetes.io/name=\(name)")
    do { return try await client.list(Pod.type, namespace: namespace, options).items } catch {
      if error.isNotFound { return [] }
      throw error
    }
  }

  private static func node(_ pod: JSONValue) -> String? { pod.at("spec", "nodeName")?.string }

  private static func phase(_ pod: JSONValue) -> String { pod.at("status", "phase")?.string ?? "Pending" }

  private static func listed(_ names: [String]) -> String {
    names.prefix(5).joined(separator: ", ") + (names.count > 5 ? " and \(names.count - 5) more" : "")
  }

  // MARK: What is done

  /// Answers the pod's name. The server makes it up: one that an earlier run has left must not be taken for it, and
  /// names of nodes can be as long as a pod's may be.
  private func startPod(on node: String, _ image: String) async throws(KubeError) -> String {
    let pod: JSONValue = [
      "apiVersion": "v1", "kind": "Pod",
      "metadata": [
        "generateName": "odigos-cleanup-", "namespace": .string(namespace),
        "labels": ["app.kubernetes.io/name": "odigos-cleanup", OdigosLabel.systemObject: "true"],
      ],
      "spec": [
        "nodeName": .string(node), "restartPolicy": "Never", "automountServiceAccountToken": false,
        "tolerations": [["operator": "Exists"]],
        // As the node agent: elsewhere than on SELinux it is without meaning.
        "securityContext": ["seLinuxOptions": ["type": "spc_t", "level": "s0"]],
        "containers": [
          [
            "name": "cleanup", "image": .string(image), "imagePullPolicy": "IfNotPresent",
            "command": ["/usr/bin/odiglet", "cleanup"], "terminationMessagePolicy": "FallbackToLogsOnError",
            "volumeMounts": [["name": "odigos", "mountPath": "/var/odigos"]],
          ]
        ],
        "volumes": [["name": "odigos", "hostPath": ["path": "/var/odigos", "type": "DirectoryOrCreate"]]],
      ],
    ]
    return try await client.create(Pod.type, pod).at("metadata", "name")?.string ?? ""
  }

  /// Waits until the pods have ended; answers why nodes are not clean. The pods are by the names of nodes.
  private func waitForPods(_ pods: [String: String]) async throws -> [String: String] {
    if pods.isEmpty { return [:] }
    var outcomes: [String: Outcome] = [:]
    _ = try await wait(for: cleanLimit) {
      let found = try await self.pods("odigos-cleanup")
      let byName = Dictionary(found.map { ($0.at("metadata", "name")?.string ?? "", $0) }) { $1 }
      outcomes = pods.mapValues { Outcome(byName[$0]) }
      return outcomes.values.allSatisfy(\.isFinal) ? nil : "nodes are not cleaned yet"
    }
    return outcomes.compactMapValues(\.problem)
  }

  private static var withoutMarks: JSONValue {
    func none(of names: [String]) -> JSONValue { .object(names.reduce(into: JSONObject()) { $0[$1] = .null }) }
    return ["metadata": ["labels": none(of: nodeLabels), "annotations": none(of: nodeAnnotations)]]
  }

  private func patch(_ nodes: [String], _ body: JSONValue) async throws {
    for node in nodes {
      do { _ = try await client.patch(Node.type, ObjectKey(name: node), .merge, body) } catch {
        // Nodes come and go.
        if !error.isNotFound { throw error }
      }
    }
  }

  /// What became of a pod that cleans.
  private struct Outcome {
    /// Whether nothing more will come.
    var isFinal = true
    /// Why the node is not clean; nil where it is.
    var problem: String?

    /// Reads the pod's status; nil for a pod that is not there any more.
    init(_ pod: JSONValue?) {
      guard let pod else {
        problem = "the pod that was to do it was deleted"
        return
      }
      let phase = NodeCleanup.phase(pod)
      if phase == "Succeeded" { return }
      let state = pod.at("status", "containerStatuses")?[0]?["state"]
      let ended = state?["terminated"]
      let told = [
        ended?["message"], state?.at("waiting", "message"), state?.at("waiting", "reason"),
        pod.at("status", "message"), pod.at("status", "reason"), ended?["reason"],
      ].lazy.compactMap { $0?.string.map(Self.line) }.first { !$0.isEmpty }
      isFinal = phase == "Failed"
      problem = "the pod that was to do it is \(phase)" + (told.map { ": \($0)" } ?? "")
    }

    /// As one line.
    private static func line(_ text: String) -> String {
      text.split(whereSeparator: \.isNewline).joined(separator: " ")
    }
  }
}
