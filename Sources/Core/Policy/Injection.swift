import JSON

/// What admission does to a pod.
public struct InjectionPlan: Sendable {
  /// What comes out.
  enum Outcome: Sendable {
    case injected
    case alreadyInjected
    case noContainer
    case malformed
  }

  private(set) var outcome: Outcome
  private let operations: PatchBytes
  private let facts: InjectionFacts
  private let injected: [Int]

  init(_ outcome: Outcome, facts: InjectionFacts, injected: [Int] = [], operations: PatchBytes = PatchBytes()) {
    self.outcome = outcome
    self.facts = facts
    self.injected = injected
    self.operations = operations
  }

  /// Whether the pod stays as it is.
  public var isEmpty: Bool { operations.isEmpty }

  /// The patch (RFC 6902) as JSON text; no bytes at all when the pod stays as it is.
  public func patch() -> [UInt8] { operations.bytes }

  /// The names of the containers that get an agent, or have it already.
  public var containerNames: [String] { injected.map { facts.containers[$0].name } }

  /// What is done and why.
  public var reason: Reason {
    let workload = facts.workload
    let agents = injected.map { "\(facts.containers[$0].distribution.name) in \(facts.containers[$0].name)" }
      .joined(separator: ", ")
    switch outcome {
    case .injected: return Reason(.injected, "Pod of \(workload) gets \(agents).")
    case .alreadyInjected: return Reason(.alreadyInjected, "Pod of \(workload) already has \(agents).")
    case .noContainer:
      let names = facts.containers.map(\.name).joined(separator: ", ")
      return Reason(.notInstrumented, "The pod has none of the containers that get an agent: \(names).")
    case .malformed: return Reason(.malformedPod, "The pod has no metadata or no list of containers.")
    }
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
    let ownerAttributes = InjectedEnvironment.ResourceAttributes.end(owner)
    var injected: [Int] = []
    var needsVolume = false
    var position = 0
    for container in containers.elements {
      defer { position += 1 }
      guard let name = container["name"], let index = facts.containers.firstIndex(where: { name.equals($0.name) })
      else { continue }
      injected.append(index)
      let agent = facts.containers[index]
      var injection = ContainerInjection(container: container, path: "/spec/containers/\(position)", agent: agent)
      injection.run(mountMethod: facts.mountMethod, ownerAttributes: ownerAttributes, into: &operations)
      needsVolume = needsVolume || !agent.mounts.isEmpty
    }
    if injected.isEmpty { return InjectionPlan(.noContainer, facts: facts) }
    if facts.mountMethod == .hostPath, needsVolume { addVolume(spec, &operations) }
    if facts.needsNodeAffinity { NodeAffinity.require(in: spec, &operations) }
    addLabel(metadata, facts.agentsMetaHash, &operations)
    operations.finish()
    return InjectionPlan(
      operations.isEmpty ? .alreadyInjected : .injected, facts: facts, injected: injected, operations: operations)
  }

  private static func addVolume(_ spec: JSONView, _ operations: inout PatchBytes) {
    let volumes = spec["volumes"]
    let existing = volumes.map { Array($0.elements) } ?? []
    if existing.contains(where: { $0["name"]?.equals(OdigosName.agentVolume) == true }) { return }
    var additions = PatchBytes.Elements(of: "/spec/volumes", "", exists: volumes?.kind == .array)
    additions.append(agentVolume, to: &operations)
    additions.finish(&operations)
  }

  private static let agentVolume: [UInt8] = JSONValue.object([
    "name": .string(OdigosName.agentVolume), "hostPath": ["path": .string(OdigosPath.agents)],
  ]).serialized()

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
