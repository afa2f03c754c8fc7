import JSON

/// Everything that an explanation rests on.
public struct ExplanationFacts: Sendable {
  /// The workload; nil when the pod belongs to none.
  public let workload: WorkloadReference?
  /// The labels of the workload object.
  public var workloadLabels: [String: String]
  /// The pod, or one as the workload would make it.
  public let pod: JSONValue
  /// The labels of the namespace.
  public var namespaceLabels: [String: String] = [:]
  /// Every Source that may concern the workload.
  public var sources: [SourceFacts] = []
  /// Every InstrumentationRule.
  public var rules: [InstrumentationRuleFacts] = []
  /// The Actions that agents carry out.
  public var actions: [AgentActionFacts] = []
  /// The configuration in effect.
  public var configuration = OdigosConfiguration()
  /// What is wrong with it.
  public var configurationProblems: [ConfigurationProblem] = []
  /// What was seen in the containers.
  public var runtimeDetails: [RuntimeFacts] = []
  /// What the node collector receives.
  public var nodeCollector = NodeCollectorState.ready(Set(CollectedSignal.allCases))
  /// What the nodes have.
  public var inventory = AgentInventory.release
  /// Where agents find the collector of their node.
  public var endpoint = InjectionSettings.Endpoint.localTrafficService
  /// What is known of how agent files can come into pods.
  public var mounts = MountFacts()
  /// The addresses of the Services that pods without the cluster's names are led to.
  public var serviceAddresses = ServiceAddresses()
  /// The namespace of the system.
  public var ownNamespace = OdigosName.defaultNamespace
  /// The hash that the InstrumentationConfig has now; nil where it is not known.
  public var knownHash: String?
  /// Why instrumentation was taken back, where it was.
  public var rollback: Reason?
  /// What had to be assumed, as sentences.
  public var assumptions: [String] = []

  /// Facts about a pod. `workload` is the object of its workload, where that is known.
  public init(pod: JSONValue, namespace: String, workload: JSONValue? = nil) {
    let view = try? JSONDocument(parsing: pod.serialized()).root
    self.workload = view.flatMap { WorkloadOwner(pod: $0, namespace: namespace)?.workload }
    // The labels of a pod of its own are those of the workload.
    let object = workload ?? (self.workload?.kind.isSinglePod == true ? pod : nil)
    workloadLabels = Self.labels(object)
    self.pod = pod
  }

  /// Facts about a workload of that kind, and about a pod as it would make it.
  public init(workload object: JSONValue, kind: WorkloadKind, namespace: String) {
    let name = object.at("metadata", "name")?.string ?? ""
    workload = name.isEmpty ? nil : WorkloadReference(namespace: namespace, kind: kind, name: name)
    workloadLabels = Self.labels(object)
    pod = kind.isSinglePod ? object : Self.pod(of: object, kind, name)
  }

  private static func labels(_ object: JSONValue?) -> [String: String] {
    var labels: [String: String] = [:]
    for (key, value) in object?.at("metadata", "labels")?.object ?? [:] { labels[key] = value.string }
    return labels
  }

  /// A pod as Kubernetes makes it of a template, with an owner of the kind that stands between.
  private static func pod(of object: JSONValue, _ kind: WorkloadKind, _ name: String) -> JSONValue {
    var pod = object.at(kind.templatePath) ?? [:]
    let hash = "bcdfghjklm"  // Any of the form that Kubernetes gives.
    let owner: (kind: String, name: String)
    switch kind {
    case .deployment, .rollout:
      owner = ("ReplicaSet", "\(name)-\(hash)")
      let label = kind == .deployment ? "pod-template-hash" : "rollouts-pod-template-hash"
      pod.set(["metadata", "labels", label], .string(hash))
    case .deploymentConfig:
      owner = ("ReplicationController", "\(name)-1")
      pod.set(["metadata", "annotations", "openshift.io/deployment-config.name"], .string(name))
    case .cronJob: owner = ("Job", "\(name)-28391820")
    case .statefulSet, .daemonSet, .job, .staticPod, .pod: owner = (kind.rawValue, name)
    }
    pod["apiVersion"] = "v1"
    pod["kind"] = "Pod"
    pod.set(["metadata", "generateName"], .string("\(name)-"))
    pod.set(
      ["metadata", "ownerReferences"],
      [["kind": .string(owner.kind), "name": .string(owner.name), "uid": "", "controller": true]])
    return pod
  }

  /// Whether the pod can look up the names of the cluster's Services.
  public var knowsClusterNames: Bool {
    ClusterNames.areKnown(
      hostNetwork: pod.at("spec", "hostNetwork")?.bool ?? false, dnsPolicy: pod.at("spec", "dnsPolicy")?.string)
  }

  /// The names of the pod's containers.
  var containerNames: [String] {
    pod.at("spec", "containers")?.array?.compactMap { $0["name"]?.string } ?? []
  }

  func agentFacts(_ selection: SelectionVerdict) -> AgentFacts {
    var facts = AgentFacts(
      selection: selection, containerNames: containerNames, runtimeDetails: runtimeDetails,
      nodeCollector: nodeCollector, configuration: configuration, rules: rules, rollback: rollback,
      inventory: inventory)
    facts.actions = actions
    facts.templates = pod.at("spec", "containers")?.array?.compactMap(ContainerTemplate.init) ?? []
    return facts
  }
}
