import KubeClient
import KubeObjects
import KubeRuntime
import Logging
import OdigosObjects
import Policy

/// From Sources, labels, runtime details and the collectors' state to InstrumentationConfigs and restarts.
///
/// One queue of workloads: whatever changes, the workloads that it concerns are looked at as a whole. Only the leader
/// runs it.
struct InstrumentorControllers: Sendable {
  private let caches: InstrumentorCaches
  private let indexes: InstrumentorIndexes
  private let agents: ClusterAgents
  private let controller: Controller<WorkloadReference>

  /// Registers with the caches; make it before they run.
  ///
  /// - Parameters:
  ///   - isWebhookServing: whether the webhook of this process answers: nothing is restarted for agents before.
  init(
    client: KubeClient, caches: InstrumentorCaches, agents: ClusterAgents, namespace: String, logger: Logger,
    isWebhookServing: @escaping @Sendable () -> Bool
  ) {
    let indexes = InstrumentorIndexes(caches: caches, namespace: namespace)
    let reconciler = WorkloadReconciler(
      client: client, caches: caches, indexes: indexes, agents: agents, namespace: namespace,
      events: EventRecorder(client: client, component: InstrumentorName.fieldManager, logger: logger),
      logger: logger, isWebhookServing: isWebhookServing)
    self.caches = caches
    self.indexes = indexes
    controller = Controller(name: "workload", workers: 4, logger: logger) { reference in
      try await reconciler.reconcile(reference)
    }
    self.agents = agents
    watch()
  }

  /// How many workloads wait to be looked at.
  var depth: Int { controller.depth }

  /// Reconciles every workload once, then what changes, until the task is cancelled.
  func run() async {
    await caches.waitForSync()
    for reference in caches.workloads(in: nil) + indexes.podWorkloads(in: nil) { controller.enqueue(reference) }
    await controller.run()
  }

  private func watch() {
    watchSelection()
    watchSettings()
    watchWorkloads()
  }

  /// Asks for the workloads of a namespace, or of all.
  private var enqueueAll: @Sendable (_ namespace: String?) -> Void {
    let (caches, indexes, controller) = (caches, indexes, controller)
    return { namespace in
      for reference in caches.workloads(in: namespace) + indexes.podWorkloads(in: namespace) {
        controller.enqueue(reference)
      }
    }
  }

  /// What selects workloads: Sources and labels of namespaces.
  private func watchSelection() {
    let (indexes, controller, enqueueAll) = (indexes, controller, enqueueAll)
    caches.sources.onChange { old, new in
      let (before, after) = (old.flatMap { SourceFacts($0) }, new.flatMap { SourceFacts($0) })
      // A change of the status alone is our own.
      if before == after { return }
      indexes.sourcesChanged()
      for case let facts? in [before, after] {
        if case .workload(let kind) = facts.target, !facts.matchesByExpression {
          controller.enqueue(WorkloadReference(namespace: facts.namespace, kind: kind, name: facts.workloadName))
        } else {
          enqueueAll(facts.namespace)
        }
      }
    }
    caches.namespaces.onChange { old, new in
      let label = { (object: Namespace?) in object?.metadata.labels[OdigosLabel.instrumentation] }
      if label(old) != label(new), let name = (new ?? old)?.name { enqueueAll(name) }
    }
  }

  /// What holds for every workload: the collectors, the agents, the configuration, rules and actions.
  private func watchSettings() {
    let (indexes, enqueueAll) = (indexes, enqueueAll)
    caches.collectorsGroups.onChange { old, new in
      if old?.status != new?.status { enqueueAll(nil) }
    }
    agents.onChange { enqueueAll(nil) }
    caches.effectiveConfiguration.onChange { _, _ in
      indexes.configurationChanged()
      enqueueAll(nil)
    }
    caches.rules.onChange { old, new in
      guard old.map(InstrumentationRuleFacts.init) != new.map(InstrumentationRuleFacts.init) else { return }
      indexes.rulesChanged()
      enqueueAll(nil)
    }
    caches.actions.onChange { old, new in
      guard old.flatMap(AgentActionFacts.init) != new.flatMap(AgentActionFacts.init) else { return }
      indexes.actionsChanged()
      enqueueAll(nil)
    }
  }

  private func watchWorkloads() {
    let (caches, indexes, controller) = (caches, indexes, controller)
    caches.instrumentationConfigs.onChange { old, new in
      guard let config = new ?? old else { return }
      let reference = WorkloadReference(instrumentationConfigName: config.name, namespace: config.namespace ?? "")
      guard let reference else { return }
      indexes.configChanged(reference, new)
      controller.enqueue(reference)
    }
    caches.pods.onChange { old, new in
      guard let reference = indexes.podChanged(old, new) else { return }
      let isMarked =
        caches.instrumentationConfigs.get(
          ObjectKey(namespace: reference.namespace, name: reference.instrumentationConfigName)) != nil
      let hasHash = [old, new].contains { $0?.metadata.labels[OdigosLabel.agentsMetaHash] != nil }
      let appearsOrGoes = reference.kind.isSinglePod && (old == nil || new == nil)
      if isMarked || hasHash || appearsOrGoes { controller.enqueue(reference) }
    }
    for informer in caches.others {
      informer.onChange { key in
        let reference = WorkloadReference(namespace: key.namespace, kind: informer.kind, name: key.name)
        let workload = informer.object(key).map { WorkloadObject(reference, $0) }
        controller.enqueue(reference)
        for waiting in indexes.workloadChanged(reference, workload, now: KubeTime.now.epochSeconds) {
          controller.enqueue(waiting)
        }
      }
    }
    watch(caches.deployments, .deployment)
    watch(caches.statefulSets, .statefulSet)
    watch(caches.daemonSets, .daemonSet)
  }

  private func watch<Resource: KubeResource>(_ informer: Informer<Resource>, _ kind: WorkloadKind) {
    let (indexes, controller) = (indexes, controller)
    informer.onChange { old, new in
      guard old != new, let object = new ?? old, let namespace = object.namespace else { return }
      let reference = WorkloadReference(namespace: namespace, kind: kind, name: object.name)
      let workload = new.map { WorkloadObject(reference, $0.json) }
      controller.enqueue(reference)
      for waiting in indexes.workloadChanged(reference, workload, now: KubeTime.now.epochSeconds) {
        controller.enqueue(waiting)
      }
    }
  }
}
