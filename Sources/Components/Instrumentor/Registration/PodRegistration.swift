import JSON
import KubeClient
import KubeObjects
import KubeRuntime
import Logging
import OdigosObjects
import Policy

/// Keeps pods away from the webhook that it would leave as they are: tells the API server in which namespaces
/// something is instrumented. Only the leader runs it.
///
/// A namespace is in as soon as a workload in it is marked, which is before anything is known about its processes and
/// long before its pods are restarted to be injected.
struct PodRegistration: Sendable {
  private let controller: Controller<ObjectKey>
  private let caches: InstrumentorCaches
  private let webhooks: WebhookCaches

  private static let key = ObjectKey(name: WebhookWord.configuration)

  /// Registers with the caches; make it before they run.
  init(
    client: KubeClient, caches: InstrumentorCaches, webhooks: WebhookCaches, namespace: String,
    version: KubernetesVersion, logger: Logger
  ) {
    let marked = MarkedNamespaces()
    let indexes = InstrumentorIndexes(caches: caches, namespace: namespace)
    self.caches = caches
    self.webhooks = webhooks
    controller = Controller(name: "pod-registration", logger: logger) { key in
      guard let configuration = webhooks.podConfiguration else { return .done }
      let names = marked.names
      let scope = PodScope(
        namespaces: names, areNamespacesLabelled: Self.areLabelled(names.union([namespace]), caches),
        ownNamespace: namespace, version: version,
        timeoutSeconds: indexes.configuration().podsWebhookTimeoutSeconds)
      guard let patch = RegistrationPlan.patch(configuration.json, scope) else { return .done }
      _ = try await client.patch(
        MutatingWebhookConfiguration.type, key, .json, patch.json, fieldManager: InstrumentorName.fieldManager)
      logger.info("pods of these namespaces reach the webhook", metadata: ["namespaces": "\(names.count)"])
      return .done
    }
    watch(marked, indexes)
  }

  /// How many changes wait.
  var depth: Int { controller.depth }

  /// Works until the task is cancelled.
  func run() async {
    await caches.instrumentationConfigs.waitForSync()
    await caches.namespaces.waitForSync()
    await caches.effectiveConfiguration.waitForSync()
    await webhooks.waitForSync()
    controller.enqueue(Self.key)
    await controller.run()
  }

  private func watch(_ marked: MarkedNamespaces, _ indexes: InstrumentorIndexes) {
    let controller = controller
    caches.instrumentationConfigs.onChange { old, new in
      if marked.change(old, new) { controller.enqueue(Self.key) }
    }
    caches.namespaces.onChange { old, new in
      let label = { (object: Namespace?) in object?.metadata.labels[RegistrationPlan.nameLabel] }
      if label(old) != label(new), let name = (new ?? old)?.name, marked.names.contains(name) {
        controller.enqueue(Self.key)
      }
    }
    caches.effectiveConfiguration.onChange { _, _ in
      indexes.configurationChanged()
      controller.enqueue(Self.key)
    }
    webhooks.onChange { controller.enqueue(Self.key) }
  }

  private static func areLabelled(_ names: Set<String>, _ caches: InstrumentorCaches) -> Bool {
    names.allSatisfy { name in
      // One that is gone has no pods.
      guard let namespace = caches.namespaces.get(ObjectKey(name: name)) else { return true }
      return namespace.metadata.labels[RegistrationPlan.nameLabel] == name
    }
  }
}
