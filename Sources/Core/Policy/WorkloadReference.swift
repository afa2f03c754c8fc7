import JSON
import KubeObjects

/// The kinds of workloads that can be instrumented.
public enum WorkloadKind: String, Sendable, Hashable, CaseIterable, Comparable {
  case deployment = "Deployment"
  case statefulSet = "StatefulSet"
  case daemonSet = "DaemonSet"
  case cronJob = "CronJob"
  case job = "Job"
  case staticPod = "StaticPod"
  case deploymentConfig = "DeploymentConfig"
  case rollout = "Rollout"
  /// A pod that nobody owns.
  case pod = "Pod"

  /// The kind of that name, whatever its case; nil if it is no workload.
  public init?(named name: String) {
    let lower = name.lowercased()
    guard let kind = Self.allCases.first(where: { $0.lowercased == lower }) else { return nil }
    self = kind
  }

  /// The kind in lower case, as it begins the name of an InstrumentationConfig.
  public var lowercased: String {
    switch self {
    case .deployment: "deployment"
    case .statefulSet: "statefulset"
    case .daemonSet: "daemonset"
    case .cronJob: "cronjob"
    case .job: "job"
    case .staticPod: "staticpod"
    case .deploymentConfig: "deploymentconfig"
    case .rollout: "rollout"
    case .pod: "pod"
    }
  }

  /// The resource attribute that carries the name of a workload of this kind; nil for pods that are their own
  /// workload: the pod's name says it already.
  public var attributeKey: String? {
    switch self {
    case .rollout: "k8s.argoproj.rollout.name"
    case .staticPod, .pod: nil
    default: "k8s.\(lowercased).name"
    }
  }

  /// How the API serves objects of this kind; nil for static pods, which have no object of their own.
  public var resourceType: ResourceType? {
    switch self {
    case .deployment: Deployment.type
    case .statefulSet: StatefulSet.type
    case .daemonSet: DaemonSet.type
    case .cronJob: CronJob.type
    case .job: Job.type
    case .staticPod: nil
    case .pod: Pod.type
    case .deploymentConfig: DeploymentConfig.type
    case .rollout: ArgoRollout.type
    }
  }

  /// The members of an object of this kind above the pod template; empty for pods, which are no template.
  public var templatePath: [String] {
    switch self {
    case .pod, .staticPod: []
    case .cronJob: ["spec", "jobTemplate", "spec", "template"]
    case .deployment, .statefulSet, .daemonSet, .job, .deploymentConfig, .rollout: ["spec", "template"]
    }
  }

  /// Whether a change of its pod template replaces its pods.
  public var isRestartable: Bool {
    switch self {
    case .deployment, .statefulSet, .daemonSet, .deploymentConfig, .rollout: true
    case .cronJob, .job, .staticPod, .pod: false
    }
  }

  /// Whether pods of this kind are the workload themselves, so that nothing can replace them.
  public var isSinglePod: Bool { self == .pod || self == .staticPod }

  /// Orders by name.
  public static func < (left: WorkloadKind, right: WorkloadKind) -> Bool { left.rawValue < right.rawValue }
}

/// One workload of the cluster.
public struct WorkloadReference: Sendable, Hashable, Comparable, CustomStringConvertible {
  /// The namespace.
  public var namespace: String
  /// The kind.
  public var kind: WorkloadKind
  /// The name.
  public var name: String

  /// Names a workload.
  public init(namespace: String, kind: WorkloadKind, name: String) {
    self.namespace = namespace
    self.kind = kind
    self.name = name
  }

  /// The workload that an InstrumentationConfig of that name is about; nil if the name has no such form.
  public init?(instrumentationConfigName configName: String, namespace: String) {
    guard let dash = configName.firstIndex(of: "-"), let kind = WorkloadKind(named: String(configName[..<dash])) else {
      return nil
    }
    let name = String(configName[configName.index(after: dash)...])
    guard !name.isEmpty else { return nil }
    self.init(namespace: namespace, kind: kind, name: name)
  }

  /// The name of its InstrumentationConfig: the kind in lower case, a dash, the name.
  public var instrumentationConfigName: String { "\(kind.lowercased)-\(name)" }

  /// `namespace/Kind/name`.
  public var description: String { "\(namespace)/\(kind.rawValue)/\(name)" }

  /// Orders by namespace, kind, name.
  public static func < (left: WorkloadReference, right: WorkloadReference) -> Bool {
    (left.namespace, left.kind, left.name) < (right.namespace, right.kind, right.name)
  }
}
