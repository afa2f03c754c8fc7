import CollectorConfig
import Concurrency
import JSON
import KubeClient
import KubeObjects
import KubeRuntime
import Logging
import OdigosObjects
import Policy
import YAML

/// Local copies of what the component reads in the namespace of the installation.
struct ClusterView: Sendable {
  private let namespace: String
  private let groups: Informer<CollectorsGroup>
  private let destinations: Informer<Destination>
  private let processors: Informer<Processor>
  private let secrets: Informer<Secret>
  private let configMaps: Informer<ConfigMap>
  private let services: Informer<Service>
  private let deployments: Informer<Deployment>
  private let daemonSets: Informer<DaemonSet>
  private let configuration = Locked(LastGoodConfiguration())

  init(client: KubeClient, namespace: String, logger: Logger) {
    self.namespace = namespace
    func informer<Resource: KubeResource>(
      _: Resource.Type, onlyOurs: Bool = false, keep: @escaping @Sendable (Resource) -> Resource = { $0 }
    ) -> Informer<Resource> {
      let options = onlyOurs ? ListOptions(labelSelector: "\(LabelName.systemObject)=true") : ListOptions()
      return Informer<Resource>(client: client, namespace: namespace, options: options, logger: logger, keep: keep)
    }
    groups = informer(CollectorsGroup.self)
    destinations = informer(Destination.self)
    processors = informer(Processor.self)
    secrets = informer(Secret.self) { $0.withoutValues() }
    configMaps = informer(ConfigMap.self, onlyOurs: true)
    services = informer(Service.self, onlyOurs: true)
    deployments = informer(Deployment.self, onlyOurs: true)
    daemonSets = informer(DaemonSet.self, onlyOurs: true)
  }

  /// Calls `handler` for every change of any object. To be called before `run`.
  func onChange(_ handler: @escaping @Sendable () -> Void) {
    groups.onChange { _, _ in handler() }
    destinations.onChange { _, _ in handler() }
    processors.onChange { _, _ in handler() }
    secrets.onChange { _, _ in handler() }
    configMaps.onChange { _, _ in handler() }
    services.onChange { _, _ in handler() }
    deployments.onChange { _, _ in handler() }
    daemonSets.onChange { _, _ in handler() }
  }

  /// Keeps the copies fresh until the task is cancelled.
  func run() async {
    await withTaskGroup(of: Void.self) { tasks in
      tasks.addTask { await groups.run() }
      tasks.addTask { await destinations.run() }
      tasks.addTask { await processors.run() }
      tasks.addTask { await secrets.run() }
      tasks.addTask { await configMaps.run() }
      tasks.addTask { await services.run() }
      tasks.addTask { await deployments.run() }
      tasks.addTask { await daemonSets.run() }
    }
  }

  /// Waits until every copy is complete.
  func waitForSync() async {
    await groups.waitForSync()
    await destinations.waitForSync()
    await processors.waitForSync()
    await secrets.waitForSync()
    await configMaps.waitForSync()
    await services.waitForSync()
    await deployments.waitForSync()
    await daemonSets.waitForSync()
  }

  /// What decisions are made from. The configuration is the scheduler's: the last one that could be read.
  func snapshot() -> PipelineSnapshot {
    func named<Resource: KubeResource>(_ informer: Informer<Resource>, _ name: String) -> Resource? {
      informer.get(ObjectKey(namespace: namespace, name: name))
    }
    var snapshot = PipelineSnapshot()
    snapshot.gatewayGroup = named(groups, ObjectName.gateway)
    snapshot.nodeGroup = named(groups, ObjectName.nodeCollector)
    snapshot.destinations = destinations.all
    snapshot.processors = processors.all
    for secret in secrets.all { snapshot.secrets[secret.name] = SecretFacts(secret) }
    snapshot.gatewayDeployment = named(deployments, ObjectName.gateway)
    snapshot.nodeDaemonSet = named(daemonSets, ObjectName.nodeCollector)
    snapshot.effectiveConfiguration = named(configMaps, ObjectName.effectiveConfiguration)
    let content = LastGoodConfiguration.Content(snapshot.effectiveConfiguration) { try YAML.parse($0) }
    (snapshot.configuration, snapshot.configurationProblem) = configuration.withLock { known in
      _ = known.read(content)
      return (known.configuration, known.problem)
    }
    return snapshot
  }

  /// The object in the cluster that stands where a wanted one belongs.
  func live(_ object: DesiredObject) -> JSONValue? {
    switch object.object.type {
    case ConfigMap.type: configMaps.get(object.key)?.json
    case Service.type: services.get(object.key)?.json
    case Deployment.type: deployments.get(object.key)?.json
    case DaemonSet.type: daemonSets.get(object.key)?.json
    default: nil
    }
  }
}
