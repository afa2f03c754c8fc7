import Concurrency
import KubeObjects

/// The pods of the node by workload and their running containers by id, kept up to date as they change: a node may
/// have hundreds, which nobody wants to read again for each question.
final class NodePodIndex: Sendable {
  private struct State {
    var pods: [ObjectKey: NodePod] = [:]
    var byConfig: [ObjectKey: Set<ObjectKey>] = [:]
    var configByContainer: [String: ObjectKey] = [:]
  }
  private let state = Locked(State())

  /// Takes a change of a pod over; answers the config that its workload has, if it is marked, also of one that is gone.
  @discardableResult func change(_ old: Pod?, _ new: Pod?) -> ObjectKey? {
    let pod = new.map(NodePod.init)
    return state.withLock { state in
      let before = (old?.key ?? pod?.key).flatMap { Self.remove($0, &state) }
      guard let pod else { return before }
      guard let config = pod.configKey else { return nil }
      state.pods[pod.key] = pod
      state.byConfig[config, default: []].insert(pod.key)
      for container in pod.containers {
        if let id = container.runningID { state.configByContainer[id] = config }
      }
      return config
    }
  }

  /// The pods that a config is about, without those that are being deleted.
  func pods(of config: ObjectKey) -> [NodePod] {
    state.withLock { state in
      (state.byConfig[config] ?? []).sorted().compactMap { state.pods[$0] }.filter { !$0.isDeleted }
    }
  }

  /// The running containers of workloads, with the configs that they would have.
  var containers: [String: ObjectKey] { state.withLock { $0.configByContainer } }

  /// The config that the workload of a running container would have; nil where there is none.
  func config(ofContainer id: String) -> ObjectKey? { state.withLock { $0.configByContainer[id] } }

  /// Answers the config that the pod's workload had.
  private static func remove(_ key: ObjectKey, _ state: inout State) -> ObjectKey? {
    guard let pod = state.pods.removeValue(forKey: key), let config = pod.configKey else { return nil }
    state.byConfig[config]?.remove(key)
    if state.byConfig[config]?.isEmpty == true { state.byConfig[config] = nil }
    for container in pod.containers {
      if let id = container.runningID { state.configByContainer[id] = nil }
    }
    return config
  }
}
