import JSON
import KubeClient
import KubeObjects
import KubeRuntime
import Logging
import OdigosObjects
import Policy

/// Everything that the instrumentor watches, each kind once; the webhook and the controllers read the same copies.
struct InstrumentorCaches: Sendable {
  let sources: Informer<Source>
  let namespaces: Informer<Namespace>
  let deployments: Informer<Deployment>
  let statefulSets: Informer<StatefulSet>
  let daemonSets: Informer<DaemonSet>
  let instrumentationConfigs: Informer<InstrumentationConfig>
  let collectorsGroups: Informer<CollectorsGroup>
  let effectiveConfiguration: Informer<ConfigMap>
  let pods: Informer<Pod>
  let rules: Informer<InstrumentationRule>
  let actions: Informer<Action>
  /// The system's own Services, for pods that cannot look their names up.
  let services: Informer<Service>
  /// The nodes' names and what they say of their agent files; nothing else of them is asked for.
  let nodes: Informer<Node>
  /// The kinds of workloads that not every cluster has.
  let others: [WorkloadInformer]

  init(client: KubeClient, namespace: String, others: [WorkloadInformer] = [], logger: Logger) {
    self.others = others
    sources = Informer(client: client, logger: logger)
    namespaces = Informer(client: client, logger: logger) { $0.keeping([["metadata"]]) }
    deployments = Informer(client: client, logger: logger) { $0.keeping(WorkloadObject.readPaths) }
    statefulSets = Informer(client: client, logger: logger) { $0.keeping(WorkloadObject.readPaths) }
    daemonSets = Informer(client: client, logger: logger) { $0.keeping(WorkloadObject.readPaths) }
    instrumentationConfigs = Informer(client: client, logger: logger)
    collectorsGroups = Informer(client: client, namespace: namespace, logger: logger)
    effectiveConfiguration = Informer(
      client: client, namespace: namespace,
      options: ListOptions(fieldSelector: "metadata.name=\(OdigosName.effectiveConfiguration)"), logger: logger)
    rules = Informer(client: client, namespace: namespace, logger: logger)
    actions = Informer(client: client, namespace: namespace, logger: logger)
    pods = Informer(client: client, logger: logger) { $0.reduced }
    services = Informer(client: client, namespace: namespace, logger: logger) {
      $0.keeping(WorkloadObject.identityPaths + [["spec", "clusterIP"]])
    }
    var metadataOnly = ListOptions()
    metadataOnly.isMetadataOnly = true
    nodes = Informer(client: client, options: metadataOnly, logger: logger) { $0.keeping(ClusterAgents.readPaths) }
  }

  /// Lists and watches everything until the task is cancelled.
  func run() async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await sources.run() }
      group.addTask { await namespaces.run() }
      group.addTask { await deployments.run() }
      group.addTask { await statefulSets.run() }
      group.addTask { await daemonSets.run() }
      group.addTask { await instrumentationConfigs.run() }
      group.addTask { await collectorsGroups.run() }
      group.addTask { await effectiveConfiguration.run() }
      group.addTask { await pods.run() }
      group.addTask { await rules.run() }
      group.addTask { await actions.run() }
      group.addTask { await nodes.run() }
      group.addTask { await services.run() }
      for informer in others { group.addTask { await informer.run() } }
    }
  }

  /// Waits for the first list of every kind.
  func waitForSync() async {
    await sources.waitForSync()
    await namespaces.waitForSync()
    await deployments.waitForSync()
    await statefulSets.waitForSync()
    await daemonSets.waitForSync()
    await instrumentationConfigs.waitForSync()
    await collectorsGroups.waitForSync()
    await effectiveConfiguration.waitForSync()
    await pods.waitForSync()
    await rules.waitForSync()
    await actions.waitForSync()
    await nodes.waitForSync()
    await services.waitForSync()
    for informer in others { await informer.waitForSync() }
  }

  /// The workload, if it exists.
  func workload(_ reference: WorkloadReference) -> WorkloadObject? {
    let key = ObjectKey(namespace: reference.namespace, name: reference.name)
    switch reference.kind {
    case .deployment: return deployments.get(key).map { WorkloadObject(reference, $0.json) }
    case .statefulSet: return statefulSets.get(key).map { WorkloadObject(reference, $0.json) }
    case .daemonSet: return daemonSets.get(key).map { WorkloadObject(reference, $0.json) }
    case .pod, .staticPod:
      guard let pod = pods.get(key), WorkloadReference(ownerOf: pod) == reference else { return nil }
      return WorkloadObject(reference, pod.json)
    case .cronJob, .job, .deploymentConfig, .rollout:
      return others.first { $0.kind == reference.kind }?.object(key).map { WorkloadObject(reference, $0) }
    }
  }

  /// Every workload of a namespace, or of all, without those that are pods.
  func workloads(in namespace: String?) -> [WorkloadReference] {
    func references<Resource: KubeResource>(_ kind: WorkloadKind, _ all: [Resource]) -> [WorkloadReference] {
      all.compactMap { object in
        guard let home = object.namespace, namespace == nil || home == namespace else { return nil }
        return WorkloadReference(namespace: home, kind: kind, name: object.name)
      }
    }
    let rare = others.flatMap { informer in
      informer.keys().filter { namespace == nil || $0.namespace == namespace }
        .map { WorkloadReference(namespace: $0.namespace, kind: informer.kind, name: $0.name) }
    }
    return references(.deployment, deployments.all) + references(.statefulSet, statefulSets.all)
      + references(.daemonSet, daemonSets.all) + rare
  }
}

extension KubeResource {
  /// The object with only these members, `apiVersion` and `kind`.
  func keeping(_ paths: [[String]]) -> Self {
    var kept: JSONValue = [:]
    for path in [["apiVersion"], ["kind"]] + paths {
      if let value = json.at(path) { kept.set(path, value) }
    }
    return Self(json: kept)
  }
}
