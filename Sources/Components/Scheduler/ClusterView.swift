import CollectorConfig
import JSON
import KubeClient
import KubeObjects
import KubeRuntime
import Logging
import OdigosObjects
import Policy

/// Local copies of what the component reads.
struct ClusterView: Sendable {
  private let namespace: String
  private let configMaps: Informer<ConfigMap>
  private let destinations: Informer<Destination>
  private let groups: Informer<CollectorsGroup>
  private let processors: Informer<Processor>
  private let rules: Informer<InstrumentationRule>
  private let instrumentationConfigs: Informer<InstrumentationConfig>

  init(client: KubeClient, namespace: String, logger: Logger) {
    self.namespace = namespace
    let names = Set(
      [ObjectName.userConfiguration, ObjectName.laterUserConfiguration, ObjectName.effectiveConfiguration]
        + SchedulerName.overlays)
    configMaps = Informer(client: client, namespace: namespace, logger: logger) { configMap in
      names.contains(configMap.name) ? configMap : configMap.identity
    }
    destinations = Informer(client: client, namespace: namespace, logger: logger)
    groups = Informer(client: client, namespace: namespace, logger: logger)
    let ofProfiles = ListOptions(labelSelector: "\(OdigosLabel.managedBy)=profile")
    processors = Informer(client: client, namespace: namespace, options: ofProfiles, logger: logger)
    rules = Informer(client: client, namespace: namespace, options: ofProfiles, logger: logger)
    // All that matters of them is whether there is one; a cluster may have tens of thousands.
    instrumentationConfigs = Informer(client: client, logger: logger) { $0.identity }
  }

  /// Calls `configuration` when a configuration or an object of a profile changes, `groups` when something changes
  /// that groups depend on. To be called before `run`.
  func onChange(configuration: @escaping @Sendable () -> Void, groups groupsHandler: @escaping @Sendable () -> Void) {
    configMaps.onChange { _, _ in
      configuration()
      groupsHandler()
    }
    processors.onChange { _, _ in configuration() }
    rules.onChange { _, _ in configuration() }
    destinations.onChange { _, _ in groupsHandler() }
    groups.onChange { _, _ in groupsHandler() }
    instrumentationConfigs.onChange { old, new in
      if old == nil || new == nil { groupsHandler() }
    }
  }

  /// Keeps the copies fresh until the task is cancelled.
  func run() async {
    await withTaskGroup(of: Void.self) { tasks in
      tasks.addTask { await configMaps.run() }
      tasks.addTask { await destinations.run() }
      tasks.addTask { await groups.run() }
      tasks.addTask { await processors.run() }
      tasks.addTask { await rules.run() }
      tasks.addTask { await instrumentationConfigs.run() }
    }
  }

  /// Waits until every copy is complete: what has not been seen yet must not be taken for absent.
  func waitForSync() async {
    await configMaps.waitForSync()
    await destinations.waitForSync()
    await groups.waitForSync()
    await processors.waitForSync()
    await rules.waitForSync()
    await instrumentationConfigs.waitForSync()
  }

  /// The user's ConfigMap, under its older name first.
  var userConfiguration: ConfigMap? {
    named(configMaps, ObjectName.userConfiguration) ?? named(configMaps, ObjectName.laterUserConfiguration)
  }

  /// What the configurations come to.
  var configurationDecision: ConfigurationDecision {
    ConfigurationDecision.make(
      user: userConfiguration, overlays: SchedulerName.overlays.compactMap { named(configMaps, $0) },
      live: named(configMaps, ObjectName.effectiveConfiguration), namespace: namespace)
  }

  /// Which groups there should be under a configuration.
  func groupsDecision(_ configuration: OdigosConfiguration?) -> GroupsDecision {
    GroupsDecision.make(
      configuration: configuration, destinations: destinations.all,
      hasInstrumentationConfigs: !instrumentationConfigs.all.isEmpty, gateway: named(groups, ObjectName.gateway),
      nodes: named(groups, ObjectName.nodeCollector), namespace: namespace)
  }

  /// The objects of profiles with another hash.
  func staleProfileObjects(hash: String) -> [(type: ResourceType, key: ObjectKey)] {
    func stale<Resource: KubeResource>(_ informer: Informer<Resource>) -> [(type: ResourceType, key: ObjectKey)] {
      informer.all.filter { $0.metadata.labels[OdigosLabel.profilesHash] != hash }.map { (Resource.type, $0.key) }
    }
    return stale(processors) + stale(rules)
  }

  /// The object in the cluster that stands where a wanted one belongs.
  func live(_ object: DesiredObject) -> JSONValue? {
    switch object.object.type {
    case ConfigMap.type: configMaps.get(object.key)?.json
    case CollectorsGroup.type: groups.get(object.key)?.json
    case Processor.type: processors.get(object.key)?.json
    case InstrumentationRule.type: rules.get(object.key)?.json
    default: nil
    }
  }

  private func named<Resource: KubeResource>(_ informer: Informer<Resource>, _ name: String) -> Resource? {
    informer.get(ObjectKey(namespace: namespace, name: name))
  }
}

extension KubeResource {
  /// The object without anything but its names.
  fileprivate var identity: Self {
    var result = Self(name: name, namespace: namespace)
    for field in ["uid", "resourceVersion", "deletionTimestamp"] {
      result.json.set(["metadata", field], json.at("metadata", field))
    }
    return result
  }
}
