import JSON
import KubeClient
import KubeObjects
import KubeRuntime
import Logging
import OdigosObjects
import Policy

/// Takes our finalizers off Sources that are being deleted, which manifests and objects of older generations carry.
/// What has to happen when a Source goes needs none: workloads themselves say what was done to them.
struct SourceRelease: Sendable {
  private let controller: Controller<ObjectKey>

  /// Registers with the caches; make it before they run.
  init(client: KubeClient, caches: InstrumentorCaches, logger: Logger) {
    let sources = caches.sources
    controller = Controller(name: "source-release", logger: logger) { key in
      guard let source = sources.get(key), let patch = Self.patch(source) else { return .done }
      do throws(KubeError) {
        _ = try await client.patch(Source.type, key, .merge, patch, fieldManager: InstrumentorName.fieldManager)
      } catch {
        if !error.isNotFound { throw error }
      }
      return .done
    }
    let controller = controller
    sources.onChange { _, new in
      if let new, Self.patch(new) != nil { controller.enqueue(new.key) }
    }
  }

  /// Works until the task is cancelled.
  func run() async { await controller.run() }

  /// The merge patch that lets a Source go; nil when nothing of ours holds it.
  static func patch(_ source: Source) -> JSONValue? {
    let finalizers = source.metadata.finalizers
    let others = finalizers.filter { !$0.hasPrefix(OdigosFinalizer.sourcePrefix) }
    guard source.metadata.deletionTimestamp != nil, others.count < finalizers.count else { return nil }
    // The version guards against finalizers that somebody else adds or removes at the same time.
    return [
      "metadata": [
        "finalizers": .array(others.map { .string($0) }),
        "resourceVersion": source.metadata.resourceVersion.map { .string($0) } ?? .null,
      ]
    ]
  }
}
