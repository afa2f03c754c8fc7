import HTTPTransport
import KubeObjects
import OpAMP
import ProcessInspection

/// Finds out where the agent runs that sent a message.
///
/// What the kernel knows counts: on the Unix socket the process that connected, and with it its container; over TCP
/// the address, where a pod has it to itself. What an agent says of itself has to agree with that, and must name a pod
/// of this node in any case, so that no pod is reported by a process of another one as far as that can be told. Only an
/// address of the node itself leaves words to be all there is.
struct AgentLocator: Sendable {
  let pods: PodDirectory
  let tree: ProcessTree
  let processes: ContainerProcesses
  private let node: NodeAddresses

  /// `nodeAddresses` is what the API says of the node.
  init(pods: PodDirectory, tree: ProcessTree, nodeAddresses: [String] = []) {
    self.pods = pods
    self.tree = tree
    node = NodeAddresses(tree: tree, own: nodeAddresses)
    processes = ContainerProcesses(tree: tree)
  }

  private static let soon = Duration.seconds(1)

  func locate(_ description: AgentDescription, from peer: RequestPeer?) throws(ServerError) -> AgentPlace {
    if case .process(let pid, _) = peer, pid > 0 { return try locate(description, connectedBy: pid) }
    let pod = try claimedPod(description)
    if case .address(let address) = peer { try check(address, mayBeOf: pod) }
    let container = try claimedContainer(description, of: pod)
    guard let pid = description.ownPID else { throw Self.missing(AgentAttributeKey.processID) }
    guard let id = pod.containers[container] ?? nil else {
      throw .unavailable("container \(container) of \(pod.key) is not known to run yet", retryAfter: Self.soon)
    }
    let process = processes.process(of: id, ownPID: pid)
    return AgentPlace(
      pod: pod.key, podUID: pod.uid, container: container, pid: process?.pid ?? pid, process: process)
  }

  // MARK: By the process that connected

  private func locate(_ description: AgentDescription, connectedBy peer: Int32) throws(ServerError) -> AgentPlace {
    guard let reference = tree.container(of: peer) else {
      throw .badRequest("the process that connected runs in no container")
    }
    let (pod, container) = try place(of: reference, description)
    for (key, truth) in [
      (AgentAttributeKey.namespace, pod.key.namespace), (AgentAttributeKey.pod, pod.key.name),
      (AgentAttributeKey.container, container),
    ] {
      if let claim = description.text(key), claim != truth {
        throw .badRequest("\(key) is \"\(claim)\", but the process that connected runs in \"\(truth)\"")
      }
    }
    guard let process = process(connectedBy: peer, description, in: reference) else {
      throw .badRequest("the process that connected has ended, or \(AgentAttributeKey.processID) names no other")
    }
    return AgentPlace(
      pod: pod.key, podUID: pod.uid, container: container, pid: process.pid, process: process)
  }

  private func place(
    of reference: ContainerReference, _ description: AgentDescription
  ) throws(ServerError) -> (AgentPod, String) {
    if let found = pods.container(id: reference.containerID) { return (found.pod, found.name) }
    // The status of a pod tells the ids of its containers some time after they have started.
    if let pod = reference.podUID.flatMap(pods.pod(uid:)) {
      if pod.containers.count == 1, let only = pod.containers.keys.first { return (pod, only) }
      return (pod, try claimedContainer(description, of: pod))
    }
    throw .unavailable("the container of the process is not known yet", retryAfter: Self.soon)
  }

  /// The process that connected, unless the message names another one of its container.
  private func process(
    connectedBy peer: Int32, _ description: AgentDescription, in reference: ContainerReference
  ) -> ProcessIdentity? {
    if let pid = description.ownPID, let actual = tree.ownPID(of: peer), pid != actual {
      return processes.process(of: reference.containerID, ownPID: pid)
    }
    return tree.process(peer)
  }

  // MARK: By what the message says

  private func check(_ address: String, mayBeOf pod: AgentPod) throws(ServerError) {
    let owners = pods.pods(at: address)
    if owners.contains(pod.key) || owners.isEmpty && node.contains(address) { return }
    // The status of a pod tells its addresses some time after it has started.
    guard !owners.isEmpty || !pod.addresses.isEmpty else {
      throw .unavailable("the address of pod \(pod.key) is not known yet", retryAfter: Self.soon)
    }
    throw .badRequest("the message does not come from pod \(pod.key), which it names")
  }

  private func claimedPod(_ description: AgentDescription) throws(ServerError) -> AgentPod {
    guard let namespace = description.text(AgentAttributeKey.namespace) else {
      throw Self.missing(AgentAttributeKey.namespace)
    }
    guard let name = description.text(AgentAttributeKey.pod) else { throw Self.missing(AgentAttributeKey.pod) }
    let key = ObjectKey(namespace: namespace, name: name)
    guard let pod = pods.pod(key) else {
      throw .unavailable("pod \(key) is not known to run on this node", retryAfter: Self.soon)
    }
    return pod
  }

  private func claimedContainer(
    _ description: AgentDescription, of pod: AgentPod
  ) throws(ServerError) -> String {
    guard let name = description.text(AgentAttributeKey.container) else {
      throw Self.missing(AgentAttributeKey.container)
    }
    guard pod.containers[name] != nil else {
      throw .badRequest("\(AgentAttributeKey.container) is \"\(name)\", which pod \(pod.key) does not have")
    }
    return name
  }

  private static func missing(_ key: String) -> ServerError {
    .badRequest("agent_description has no identifying attribute \(key)")
  }
}
