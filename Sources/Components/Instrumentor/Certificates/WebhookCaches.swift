import KubeClient
import KubeObjects
import KubeRuntime
import Logging

/// The few objects of the cluster that the webhooks themselves consist of, each watched by its name.
struct WebhookCaches: Sendable {
  let secret: Informer<Secret>
  let mutating: [Informer<MutatingWebhookConfiguration>]
  let validating: [Informer<ValidatingWebhookConfiguration>]

  init(client: KubeClient, namespace: String, logger: Logger) {
    func only(_ name: String) -> ListOptions { ListOptions(fieldSelector: "metadata.name=\(name)") }
    secret = Informer(client: client, namespace: namespace, options: only(WebhookWord.secret), logger: logger)
    mutating = WebhookWord.mutatingConfigurations.map {
      Informer(client: client, options: only($0), logger: logger)
    }
    validating = WebhookWord.validatingConfigurations.map {
      Informer(client: client, options: only($0), logger: logger)
    }
  }

  /// Watches everything until the task is cancelled.
  func run() async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await secret.run() }
      for informer in mutating { group.addTask { await informer.run() } }
      for informer in validating { group.addTask { await informer.run() } }
    }
  }

  /// Waits for the first list of each.
  func waitForSync() async {
    await secret.waitForSync()
    for informer in mutating { await informer.waitForSync() }
    for informer in validating { await informer.waitForSync() }
  }

  /// Calls `handler` whenever one of them changes. Register before `run`.
  func onChange(_ handler: @escaping @Sendable () -> Void) {
    secret.onChange { _, _ in handler() }
    for informer in mutating { informer.onChange { _, _ in handler() } }
    for informer in validating { informer.onChange { _, _ in handler() } }
  }

  /// The webhook configurations that there are, with what they are an object of.
  var configurations: [DynamicObject] {
    mutating.flatMap(\.all).map { DynamicObject(type: MutatingWebhookConfiguration.type, json: $0.json) }
      + validating.flatMap(\.all).map { DynamicObject(type: ValidatingWebhookConfiguration.type, json: $0.json) }
  }

  /// The configuration that sends pods.
  var podConfiguration: MutatingWebhookConfiguration? {
    mutating.lazy.compactMap { $0.get(ObjectKey(name: WebhookWord.configuration)) }.first
  }
}
