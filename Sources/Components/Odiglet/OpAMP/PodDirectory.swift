import Concurrency
import KubeObjects

/// The pods of the node, found by whatever is known of an agent.
final class PodDirectory: Sendable {
  private struct State: Sendable {
    var pods: [ObjectKey: AgentPod] = [:]
    var byUID: [String: ObjectKey] = [:]
    var byContainer: [String: (pod: ObjectKey, name: String)] = [:]
    var byAddress: [String: Set<ObjectKey>] = [:]
  }
  private let state = Locked(State())

  /// Takes over what a pod is now; nil for one that is no more.
  func set(_ key: ObjectKey, _ pod: AgentPod?) {
    state.withLock { state in
      if let old = state.pods.removeValue(forKey: key) { Self.forget(old, &state) }
      guard let pod else { return }
      state.pods[key] = pod
      for uid in [pod.uid, pod.staticUID].compactMap(\.self) { state.byUID[uid] = key }
      for (name, id) in pod.containers { if let id { state.byContainer[id] = (key, name) } }
      for address in pod.addresses { state.byAddress[address, default: []].insert(key) }
    }
  }

  private static func forget(_ pod: AgentPod, _ state: inout State) {
    for uid in [pod.uid, pod.staticUID].compactMap(\.self) where state.byUID[uid] == pod.key { state.byUID[uid] = nil }
    for (_, id) in pod.containers {
      if let id, state.byContainer[id]?.pod == pod.key { state.byContainer[id] = nil }
    }
    for address in pod.addresses {
      state.byAddress[address]?.remove(pod.key)
      if state.byAddress[address]?.isEmpty == true { state.byAddress[address] = nil }
    }
  }

  /// The pod of that name.
  func pod(_ key: ObjectKey) -> AgentPod? { state.withLock { $0.pods[key] } }

  /// The pod of that UID, also by what the node calls a static one.
  func pod(uid: String) -> AgentPod? { state.withLock { state in state.byUID[uid].flatMap { state.pods[$0] } } }

  /// The pod in which a container runs, and the container's name.
  func container(id: String) -> (pod: AgentPod, name: String)? {
    state.withLock { state in
      guard let found = state.byContainer[id], let pod = state.pods[found.pod] else { return nil }
      return (pod, found.name)
    }
  }

  /// The pods that have an address to themselves.
  func pods(at address: String) -> Set<ObjectKey> { state.withLock { $0.byAddress[address] ?? [] } }
}
