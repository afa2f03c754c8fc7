import JSON
import KubeObjects

/// Who made a pod: the workload, and the object between them where there is one.
public struct WorkloadOwner: Sendable, Hashable {
  /// The object between a workload and its pod.
  public struct Intermediate: Sendable, Hashable {
    /// What it is.
    public enum Kind: String, Sendable, Hashable {
      case replicaSet = "replicaset"
      case job = "job"
    }
    /// What it is.
    public var kind: Kind
    /// Its name.
    public var name: String
    /// Its unique id.
    public var uid: String
  }

  /// The workload.
  public var workload: WorkloadReference
  /// The ReplicaSet or Job that made the pod.
  public var intermediate: Intermediate?

  /// Finds the workload of a pod from what the pod itself says; nil where no workload that we know owns it.
  ///
  /// - Parameters:
  ///   - pod: the pod.
  ///   - namespace: its namespace, which a pod under admission may not carry itself.
  public init?(pod: JSONValue, namespace: String) {
    let metadata = pod["metadata"]
    guard let owner = Self.owner(in: metadata?["ownerReferences"]?.array ?? []) else { return nil }
    self.init(
      owner: owner, podName: metadata?["name"]?.string ?? "", labels: metadata?["labels"],
      annotations: metadata?["annotations"], namespace: namespace)
  }

  private static func owner(in references: [JSONValue]) -> OwnerReference? {
    (references.first { $0["controller"]?.bool == true } ?? references.first).map(OwnerReference.init(json:))
  }

  private init?(
    owner: OwnerReference, podName: String, labels: JSONValue?, annotations: JSONValue?, namespace: String
  ) {
    var intermediate: Intermediate?
    let kind: WorkloadKind
    let name: String?
    switch owner.kind {
    case "ReplicaSet":
      intermediate = Intermediate(kind: .replicaSet, name: owner.name, uid: owner.uid)
      let rollout = labels?["rollouts-pod-template-hash"]?.string
      kind = rollout == nil ? .deployment : .rollout
      name = Self.replicaSetOwner(owner.name, hash: rollout ?? labels?["pod-template-hash"]?.string)
    case "ReplicationController":
      kind = .deploymentConfig
      name = annotations?["openshift.io/deployment-config.name"]?.string ?? Self.withoutSuffix(owner.name)
    case "Job":
      intermediate = Intermediate(kind: .job, name: owner.name, uid: owner.uid)
      let cronJob = Self.cronJob(ofJob: owner.name)
      kind = cronJob == nil ? .job : .cronJob
      name = cronJob ?? owner.name
    case "Node":
      let source = annotations?["kubernetes.io/config.source"]?.string
      guard source == "file" || source == "http" else { return nil }
      (kind, name) = (.staticPod, podName)
    case "StatefulSet": (kind, name) = (.statefulSet, owner.name)
    case "DaemonSet": (kind, name) = (.daemonSet, owner.name)
    default: return nil
    }
    guard let name, !name.isEmpty, !namespace.isEmpty else { return nil }
    workload = WorkloadReference(namespace: namespace, kind: kind, name: name)
    self.intermediate = intermediate
  }

  /// A ReplicaSet's name without the hash of its template. A ReplicaSet that belongs to nobody has no hash in its
  /// name and must not be taken for a Deployment that happens to be named like its first part.
  private static func replicaSetOwner(_ name: String, hash: String?) -> String? {
    if let hash, !hash.isEmpty, name.hasSuffix("-\(hash)") { return String(name.dropLast(hash.utf8.count + 1)) }
    guard let dash = name.lastIndex(of: "-") else { return nil }
    let suffix = name[name.index(after: dash)...]
    let isHash = !suffix.isEmpty && suffix.utf8.count <= 10 && suffix.utf8.allSatisfy(hashAlphabet.contains)
    return isHash ? String(name[..<dash]) : nil
  }

  /// The characters that Kubernetes encodes hashes with: no vowels and none that looks like one.
  private static let hashAlphabet = Set("bcdfghjklmnpqrstvwxz2456789".utf8)

  /// The CronJob of a Job that a CronJob made: its controller appends the scheduled time in seconds or minutes.
  private static func cronJob(ofJob name: String) -> String? {
    guard let dash = name.lastIndex(of: "-") else { return nil }
    let suffix = name[name.index(after: dash)...].utf8
    let isTime = (8...10).contains(suffix.count) && suffix.allSatisfy { (0x30...0x39).contains($0) }
    return isTime ? String(name[..<dash]) : nil
  }

  private static func withoutSuffix(_ name: String) -> String? {
    name.lastIndex(of: "-").map { String(name[..<$0]) }
  }
}

extension WorkloadReference {
  /// The workload of a pod, from the pod itself; nil where no workload that we know owns it.
  public init?(ownerOf pod: Pod) {
    guard let owner = WorkloadOwner(pod: pod.json, namespace: pod.namespace ?? "") else { return nil }
    self = owner.workload
  }
}
