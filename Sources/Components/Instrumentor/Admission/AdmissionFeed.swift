import KubeObjects
import Logging
import OdigosObjects
import Policy

/// Keeps what admission knows current with the caches.
struct AdmissionFeed: Sendable {
  /// What the webhook answers from.
  let table: AdmissionTable
  /// What the validation of Sources compares with.
  let sources = SourceTable()
  private let caches: InstrumentorCaches
  private let indexes: InstrumentorIndexes
  private let namespace: String
  private let endpoint: InjectionSettings.Endpoint
  private let mounts: ClusterMounts
  private let agents: ClusterAgents

  /// Registers with the caches; make it before they run.
  init(
    caches: InstrumentorCaches, agents: ClusterAgents, namespace: String, endpoint: InjectionSettings.Endpoint,
    minorVersion: Int, agentsImage: String, logger: Logger
  ) {
    let (configs, namespaces) = (caches.instrumentationConfigs, caches.namespaces)
    table = AdmissionTable(
      config: { configs.get($0) },
      podSecurity: { PodSecurityLevel(namespaceLabels: namespaces.get(ObjectKey(name: $0))?.metadata.labels ?? [:]) })
    mounts = ClusterMounts(
      caches: caches, namespace: namespace, minorVersion: minorVersion, agentsImage: agentsImage)
    indexes = InstrumentorIndexes(caches: caches, namespace: namespace, logger: logger)
    self.caches = caches
    self.agents = agents
    self.namespace = namespace
    self.endpoint = endpoint
    let feed = self
    caches.sources.onChange { old, new in feed.sources.change(old, new) }
    configs.onChange { old, new in
      if let key = (new ?? old)?.key { feed.table.refresh(key) }
    }
    caches.effectiveConfiguration.onChange { _, _ in
      feed.indexes.configurationChanged()
      feed.settingsChanged()
    }
    caches.collectorsGroups.onChange { _, _ in feed.settingsChanged() }
    mounts.onChange { feed.settingsChanged() }
    agents.onChange { feed.settingsChanged() }
    caches.services.onChange { old, new in
      let addresses = { (object: Service?) in ServiceAddresses { $0 == object?.name ? object : nil } }
      if addresses(old) != addresses(new) { feed.settingsChanged() }
    }
    namespaces.onChange { old, new in
      let level = { (object: Namespace?) in PodSecurityLevel(namespaceLabels: object?.metadata.labels ?? [:]) }
      if level(old) != level(new), let name = (new ?? old)?.name { feed.table.refresh(namespace: name) }
    }
  }

  /// Waits until everything that admission depends on was seen once.
  func waitForSync() async {
    await caches.effectiveConfiguration.waitForSync()
    await caches.collectorsGroups.waitForSync()
    await caches.instrumentationConfigs.waitForSync()
    await caches.sources.waitForSync()
    await caches.namespaces.waitForSync()
    await caches.daemonSets.waitForSync()
    await caches.deployments.waitForSync()
    await caches.nodes.waitForSync()
    await caches.services.waitForSync()
  }

  /// What is wrong with the effective configuration; nil when nothing is.
  var configurationProblem: String? { indexes.lastGoodConfiguration().problem }

  /// Whoever calls this has seen the change in its cache; the caches' tasks call it side by side.
  private func settingsChanged() { table.change { settings() } }

  /// What the caches say now; nil while there is no configuration.
  private func settings() -> InjectionSettings? {
    guard let configuration = indexes.lastGoodConfiguration().configuration else { return nil }
    let collectorKey = ObjectKey(namespace: namespace, name: OdigosName.dataCollection)
    // Signals of a collector that is restarting still hold: agents go on exporting and find it again.
    let signals = caches.collectorsGroups.get(collectorKey)?.status.receiverSignals ?? []
    var settings = InjectionSettings(
      configuration: configuration, ownNamespace: namespace, endpoint: endpoint,
      signals: Set(signals.compactMap(CollectedSignal.init(rawValue:))), mounts: mounts.facts(configuration),
      inventory: agents.inventory(for: configuration.mountMethod))
    settings.serviceAddresses = ServiceAddresses { caches.services.get(ObjectKey(namespace: namespace, name: $0)) }
    return settings
  }
}
