import Concurrency
import KubeObjects
import OdigosObjects
import Policy

/// The Sources of the cluster by namespace, for questions that must not wait: written when the cache changes.
final class SourceTable: Sendable {
  private let namespaces = Locked<[String: [String: SourceFacts]]>([:])

  /// Takes over a change of a Source.
  func change(_ old: Source?, _ new: Source?) {
    guard let key = (new ?? old)?.key else { return }
    let facts = new.flatMap { SourceFacts($0) }
    namespaces.withLock { namespaces in
      namespaces[key.namespace, default: [:]][key.name] = facts
      if namespaces[key.namespace]?.isEmpty == true { namespaces[key.namespace] = nil }
    }
  }

  /// The Sources of a namespace but that one, by name.
  func others(in namespace: String, than name: String) -> [SourceFacts] {
    namespaces.withLock { $0[namespace] ?? [:] }.values.filter { $0.name != name }.sorted { $0.name < $1.name }
  }
}
