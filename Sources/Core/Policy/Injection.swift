import JSON

/// What admission does to a pod.
public struct InjectionPlan: Sendable {
  /// What comes out.
  enum Outcome: Sendable {
    case injected
    case alreadyInjected
    case noContainer
    case conflict
    case noAddress
    case malformed
  }

  /// A container that gets no agent because of its own variables.
  struct Conflict: Sendable {
    var container: Int
    var variables: [String]
  }

  private(set) var outcome: Outcome
  private let operations: PatchBytes
  private let facts: InjectionFacts
  private let injected: [Int]
  private let conflicts: [Conflict]

  init(
    _ outcome: Outcome, facts: InjectionFacts, injected: [Int] = [], conflicts: [Conflict] = [],
    operations: PatchBytes = PatchBytes()
  ) {
    self.outcome = outcome
    self.facts = facts
    self.injected = injected
    self.conflicts = conflicts
    self.operations = operations
  }

  /// Whether the pod stays as it is.
  public var isEmpty: Bool { operations.isEmpty }

  /// The patch (RFC 6902) as JSON text; no bytes at all when the pod stays as it is.
  public func patch() -> [UInt8] { operations.bytes }

  /// The names of the containers that get an agent, or have it already.
  public var containerNames: [String] { injected.map { facts.containers[$0].name } }

  /// The names of the containers that get none because of their own variables.
  public var conflictingContainerNames: [String] { conflicts.map { facts.containers[$0.container].name } }

  /// What is done and why.
  public var reason: Reason {
    if outcome == .injected, conflicts.isEmpty, injected.elementsEqual(facts.containers.indices) {
      return facts.wholeReason
    }
    let workload = facts.workload
    let agents = facts.agents(injected)
    let exceptions = conflicts.map { " " + sentence($0) }.joined()
    switch outcome {
    case .injected: return Reason(.injected, facts.sentence(injected) + exceptions)
    case .alreadyInjected: return Reason(.alreadyInjected, "Pod of \(workload) already has \(agents).\(exceptions)")
    case .conflict: return Reason(.injectionConflict, "Pod of \(workload) gets no agent.\(exceptions)")
    case .noContainer:
      let names = facts.containers.map(\.name).joined(separator: ", ")
      return Reason(.notInstrumented, "The pod has none of the containers that get an agent: \(names).")
    case .noAddress:
      return Reason(
        .collectorAddressUnknown,
        "The pod cannot look up names of the cluster (hostNetwork, dnsPolicy), and the Service "
          + "\(OdigosName.dataCollectionLocalTraffic) has no address yet.")
    case .malformed: return Reason(.malformedPod, "The pod has no metadata or no list of containers.")
    }
  }

  private func sentence(_ conflict: Conflict) -> String {
    let container = facts.containers[conflict.container]
    let variables = conflict.variables.joined(separator: ", ")
    return
      "Container \(container.name) stays without agent: it sets \(variables) in a way that \(container.distribution.name) "
      + "cannot be combined with."
  }
}

/// How a pod is changed so that its containers start with their agents.
public enum Injection {
  /// Plans the injection of a pod. Injecting the result again plans nothing.
  ///
  /// - Parameters:
  ///   - pod: the pod under admission.
  ///   - owner: its workload, from `WorkloadOwner(pod:namespace:)`.
  ///   - facts: what was prepared for that workload.
  public static func plan(pod: JSONView, owner: WorkloadOwner, facts: InjectionFacts) -> InjectionPlan {
    guard let metadata = pod["metadata"], metadata.kind == .object, let spec = pod["spec"],
      let containers = spec["containers"], containers.kind == .array
    else { return InjectionPlan(.malformed, facts: facts) }
    var operations = PatchBytes(capacity: 4096)
    let ownerAttributes = ResourceAttributes.end(owner)
    let needsAddresses = !ClusterNames.areKnown(
      hostNetwork: spec["hostNetwork"]?.bool ?? false, dnsPolicy: spec["dnsPolicy"]?.string)
    // A pod with our label has been here before, and may have got its files by what was the best method then.
    let hasFiles =
      metadata["labels"]?[OdigosLabel.agentsMetaHash] != nil
      && AgentVolume.method(of: spec).map { $0 != facts.mount.method } ?? false
    var injected: [Int] = []
    var conflicts: [InjectionPlan.Conflict] = []
    var needsFiles = false
    var position = 0
    for container in containers.elements {
      defer { position += 1 }
      guard let name = container["name"], let index = facts.containers.firstIndex(where: { name.equals($0.name) })
      else { continue }
      let agent = facts.containers[index]
      var injection = ContainerInjection(
        container: container, path: "/spec/containers/\(position)", agent: agent, needsAddresses: needsAddresses)
      // Without our label the pod is found, and made anew.
      if injection.lacksAddress { return InjectionPlan(.noAddress, facts: facts) }
      let variables = injection.conflicts()
      if !variables.isEmpty {
        conflicts.append(InjectionPlan.Conflict(container: index, variables: variables))
        continue
      }
      injected.append(index)
      injection.run(ownerAttributes: ownerAttributes, keepsFiles: hasFiles, into: &operations)
      if !hasFiles { injection.addFiles(of: agent, facts.mount.method, into: &operations) }
      needsFiles = needsFiles || !agent.mounts.isEmpty
    }
    if injected.isEmpty, conflicts.isEmpty { return InjectionPlan(.noContainer, facts: facts) }
    if needsFiles, !hasFiles { addFiles(spec, facts, &operations) }
    // Also where nothing else is done: the label says that this pod was decided on, so that nobody makes it anew.
    addLabel(metadata, facts.agentsMetaHash, &operations)
    operations.finish()
    return InjectionPlan(
      injected.isEmpty ? .conflict : operations.isEmpty ? .alreadyInjected : .injected, facts: facts,
      injected: injected, conflicts: conflicts, operations: operations)
  }

  private static func addFiles(_ spec: JSONView, _ facts: InjectionFacts, _ operations: inout PatchBytes) {
    if let volume = facts.volume {
      add(volume.volume, to: spec["volumes"], named: OdigosName.agentVolume, "/spec/volumes", &operations)
      if let container = volume.initContainer {
        let name = OdigosName.agentsInitContainer
        add(container, to: spec["initContainers"], named: name, "/spec/initContainers", &operations)
      }
    }
    if facts.needsNodeAffinity { NodeAffinity.require(in: spec, &operations) }
  }

  private static func add(
    _ element: [UInt8], to list: JSONView?, named name: String, _ path: String, _ operations: inout PatchBytes
  ) {
    if list?.elements.contains(where: { $0["name"]?.equals(name) == true }) == true { return }
    var additions = PatchBytes.Elements(of: path, "", exists: list?.kind == .array)
    additions.append(element, to: &operations)
    additions.finish(&operations)
  }

  private static func addLabel(_ metadata: JSONView, _ hash: String, _ operations: inout PatchBytes) {
    if hash.isEmpty { return }
    guard let labels = metadata["labels"], labels.kind == .object else {
      let labels = JSONValue.object([OdigosLabel.agentsMetaHash: .string(hash)])
      operations.add("/metadata/labels", value: labels.serialized())
      return
    }
    if labels[OdigosLabel.agentsMetaHash]?.equals(hash) == true { return }
    operations.add(labelPath, value: JSONValue.string(hash).serialized())
  }

  private static let labelPath = JSONPointer(["metadata", "labels", OdigosLabel.agentsMetaHash]).description
}
