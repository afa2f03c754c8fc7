import KubeObjects
import Logging
import OdigosObjects
import Policy

/// Keeps what admission knows current with the caches.
struct AdmissionFeed: Sendable {
  /// What the webhook answers from.
  let table: AdmissionTable
  private let caches: InstrumentorCaches
  private let indexes: InstrumentorIndexes
  private let namespace: String
  private let endpoint: InjectionSettings.Endpoint

  /// Registers with the caches; make it before they run.
  init(caches: InstrumentorCaches, namespace: String, endpoint: InjectionSettings.Endpoint, logger: Logger) {
    let configs = caches.instrumentationConfigs
    table = AdmissionTable { configs.get($0) }
    indexes = InstrumentorIndexes(caches: caches, namespace: namespace, logger: logger)
    self.caches = caches
    self.namespace = namespace
    self.endpoint = endpoint
    let feed = self
    configs.onChange { old, new in
      if let key = (new ?? old)?.key { feed.table.refresh(key) }
    }
    caches.effectiveConfiguration.onChange { _, _ in
      feed.indexes.configurationChanged()
      feed.settingsChanged()
    }
    caches.collectorsGroups.onChange { _, _ in feed.settingsChanged() }
  }

  /// Waits until everything that admission depends on was seen once.
  func waitForSync() async {
    await caches.effectiveConfiguration.waitForSync()
    await caches.collectorsGroups.waitForSync()
    await caches.instrumentationConfigs.waitForSync()
  }

  /// What is wrong with the effective configuration; nil when nothing is.
  var configurationProblem: String? { indexes.configurationProblem }

  private func settingsChanged() {
    let configurationKey = ObjectKey(namespace: namespace, name: OdigosName.effectiveConfiguration)
    guard caches.effectiveConfiguration.get(configurationKey) != nil else { return table.change(nil) }
    let collectorKey = ObjectKey(namespace: namespace, name: OdigosName.dataCollection)
    // Signals of a collector that is restarting still hold: agents go on exporting and find it again.
    let signals = caches.collectorsGroups.get(collectorKey)?.status.receiverSignals ?? []
    table.change(
      InjectionSettings(
        configuration: indexes.configuration(), ownNamespace: namespace, endpoint: endpoint,
        signals: Set(signals.compactMap(CollectedSignal.init(rawValue:)))))
  }
}
