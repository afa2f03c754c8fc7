import Concurrency
import KubeClient
import KubeObjects
import KubeRuntime
import Logging
import OdigosObjects
import Policy

/// Says in the status of Sources what comes of them: that they select or opt out, or that they are invalid or
/// contradict each other. Sources of one namespace are looked at together, and only those.
struct SourceStatusController: Sendable {
  private let caches: InstrumentorCaches
  private let controller: Controller<String>

  /// Registers with the caches; make it before they run.
  init(client: KubeClient, caches: InstrumentorCaches, logger: Logger) {
    self.caches = caches
    let sources = caches.sources
    let keys = Locked<[String: Set<ObjectKey>]>([:])
    controller = Controller(name: "source-status", logger: logger) { namespace in
      let present = keys.withLock { $0[namespace] ?? [] }.sorted().compactMap { sources.get($0) }
      for status in Self.statuses(present, now: KubeTime.now.text) { try await client.applyStatus(status) }
      return .done
    }
    let controller = controller
    sources.onChange { old, new in
      guard let object = new ?? old else { return }
      let namespace = object.namespace ?? ""
      keys.withLock { keys in
        if new == nil {
          keys[namespace]?.remove(object.key)
          if keys[namespace]?.isEmpty == true { keys[namespace] = nil }
        } else {
          keys[namespace, default: []].insert(object.key)
        }
      }
      // A change of the status alone is our own.
      if old.flatMap({ SourceFacts($0) }) != new.flatMap({ SourceFacts($0) }) { controller.enqueue(namespace) }
    }
  }

  /// Works until the task is cancelled.
  func run() async {
    await caches.waitForSync()
    await controller.run()
  }

  /// The statuses to apply to the Sources of a namespace: of those that say something else now.
  static func statuses(_ sources: [Source], now: String) -> [Source] {
    let facts = sources.map { SourceFacts($0) }
    let index = SourceIndex(facts.compactMap(\.self))
    return zip(sources, facts).compactMap { source, facts in
      guard let facts, !facts.isBeingDeleted else { return nil }
      return source.applied(index.standing(of: facts), now: now)
    }
  }
}
