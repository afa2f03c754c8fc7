import Concurrency
import KubeObjects
import OdigosObjects

/// The namespaces with InstrumentationConfigs, kept from the changes of these.
final class MarkedNamespaces: Sendable {
  private let configs = Locked<[String: Set<String>]>([:])

  /// Takes over a change; returns whether a namespace came or went.
  func change(_ old: InstrumentationConfig?, _ new: InstrumentationConfig?) -> Bool {
    guard let key = (new ?? old)?.key else { return false }
    return configs.withLock { configs in
      let was = configs[key.namespace] != nil
      if new == nil {
        configs[key.namespace]?.remove(key.name)
      } else {
        configs[key.namespace, default: []].insert(key.name)
      }
      if configs[key.namespace]?.isEmpty == true { configs[key.namespace] = nil }
      return was != (configs[key.namespace] != nil)
    }
  }

  /// Their names.
  var names: Set<String> { configs.withLock { Set($0.keys) } }
}
