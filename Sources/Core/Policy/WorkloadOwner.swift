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

  /// Finds the workload of a pod under admission from what the pod itself says; nil where no workload that we know
  /// owns it. A pod that nobody owns is a workload of its own, once it has a name.
  ///
  /// - Parameters:
  ///   - pod: the pod.
  ///   - namespace: its namespace, which a pod under admission may not carry itself.
  public init?(pod: JSONView, namespace: String) {
    guard let metadata = pod["metadata"] else { return nil }
    var owner: JSONView?
    if let references = metadata["ownerReferences"] {
      for reference in references.elements {
        let isController = reference["controller"]?.bool == true
        if owner == nil || isController { owner = reference }
        if isController { break }
      }
    }
    self.init(
      Traces(
        ownerKind: owner.map { $0["kind"]?.string ?? "" }, ownerName: owner?["name"]?.string ?? "",
        ownerUID: owner?["uid"]?.string ?? "", podName: { metadata["name"]?.string ?? "" },
        label: { metadata["labels"]?[$0]?.string }, annotation: { metadata["annotations"]?[$0]?.string }),
      namespace: namespace)
  }

  /// Finds the workload of a pod from what the pod itself says; nil where no workload that we know owns it.
  public init?(pod: Pod) {
    let metadata = pod.json["metadata"]
    let references = metadata?["ownerReferences"]?.array ?? []
    let owner = references.first { $0["controller"]?.bool == true } ?? references.first
    self.init(
      Traces(
        ownerKind: owner.map { $0["kind"]?.string ?? "" }, ownerName: owner?["name"]?.string ?? "",
        ownerUID: owner?["uid"]?.string ?? "", podName: { pod.name },
        label: { metadata?["labels"]?[$0]?.string }, annotation: { metadata?["annotations"]?[$0]?.string }),
      namespace: pod.namespace ?? "")
  }

  /// What a pod says of its origin; read only where it matters.
  private struct Traces {
    /// Nil without any owner.
    var ownerKind: String?
    var ownerName: String
    var ownerUID: String
    var podName: () -> String
    var label: (String) -> String?
    var annotation: (String) -> String?
  }

  private init?(_ pod: Traces, namespace: String) {
    var intermediate: Intermediate?
    let kind: WorkloadKind
    let name: String?
    switch pod.ownerKind {
    case "ReplicaSet":
      intermediate = Intermediate(kind: .replicaSet, name: pod.ownerName, uid: pod.ownerUID)
      let rollout = pod.label("rollouts-pod-template-hash")
      kind = rollout == nil ? .deployment : .rollout
      name = Self.replicaSetOwner(pod.ownerName, hash: rollout ?? pod.label("pod-template-hash"))
    case "ReplicationController":
      kind = .deploymentConfig
      name = pod.annotation("openshift.io/deployment-config.name") ?? Self.withoutSuffix(pod.ownerName)
    case "Job":
      intermediate = Intermediate(kind: .job, name: pod.ownerName, uid: pod.ownerUID)
      let cronJob = Self.cronJob(ofJob: pod.ownerName)
      kind = cronJob == nil ? .job : .cronJob
      name = cronJob ?? pod.ownerName
    case "Node":
      guard Self.isStatic(pod) else { return nil }
      (kind, name) = (.staticPod, pod.podName())
    case nil: (kind, name) = (Self.isStatic(pod) ? .staticPod : .pod, pod.podName())
    case "StatefulSet": (kind, name) = (.statefulSet, pod.ownerName)
    case "DaemonSet": (kind, name) = (.daemonSet, pod.ownerName)
    default: return nil
    }
    guard let name, !name.isEmpty, !namespace.isEmpty else { return nil }
    workload = WorkloadReference(namespace: namespace, kind: kind, name: name)
    self.intermediate = intermediate
  }

  /// Whether the kubelet read the pod from a file or an address and only shows it to the API server.
  private static func isStatic(_ pod: Traces) -> Bool {
    let source = pod.annotation("kubernetes.io/config.source")
    return source == "file" || source == "http"
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

  /// The CronJob of a Job that a CronJob made: its controller appends the scheduled time, in minutes since 1970, before
  /// Kubernetes 1.21 in seconds (`getJobName` in pkg/controller/cronjob). A pod says no more of it than that name.
  private static func cronJob(ofJob name: String) -> String? {
    guard let dash = name.lastIndex(of: "-") else { return nil }
    let suffix = name[name.index(after: dash)...]
    guard suffix.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int(suffix) else { return nil }
    let isTime =
      switch suffix.utf8.count {
      case 8: minutesOfSchedules.contains(number)
      case 10: secondsOfSchedules.contains(number)
      default: false
      }
    return isTime ? String(name[..<dash]) : nil
  }

  /// June 2019 to January 2046: the first controllers that count minutes are of 2020. A day (`20261126`) is below.
  private static let minutesOfSchedules = 26_000_000..<40_000_000
  /// May 2014 to May 2033: the first release of Kubernetes is of June 2014. An hour (`2026112613`) is above.
  private static let secondsOfSchedules = 1_400_000_000..<2_000_000_000

  private static func withoutSuffix(_ name: String) -> String? {
    name.lastIndex(of: "-").map { String(name[..<$0]) }
  }
}

extension WorkloadReference {
  /// The workload of a pod, from the pod itself; nil where no workload that we know owns it.
  public init?(ownerOf pod: Pod) {
    guard let owner = WorkloadOwner(pod: pod) else { return nil }
    self = owner.workload
  }
}
