import KubeObjects
import Policy

/// Pods that still run with an agent while the system goes, and what to do about them.
struct InstrumentedPods {
  /// Their workloads, each with what its users have to do; pods without a workload that we know under their own name.
  private let advice: [String: (text: String, isLeftToUsers: Bool)]
  /// How many pods there are.
  let count: Int

  /// - Parameters:
  ///   - pods: as the cluster has them; those that are on their way out or have ended are left out.
  ///   - restartsAreLeftToUsers: what the configuration says (`rollout.automaticRolloutDisabled`).
  init(_ pods: [Pod], restartsAreLeftToUsers: Bool = false) {
    // Pods that are being deleted are on their way out, however long their node takes.
    let running = pods.filter {
      $0.metadata.deletionTimestamp == nil
        && !["Succeeded", "Failed"].contains($0.json.at("status", "phase")?.string ?? "")
    }
    count = running.count
    var advice: [String: (text: String, isLeftToUsers: Bool)] = [:]
    for pod in running {
      guard let workload = WorkloadReference(ownerOf: pod) else {
        advice["\(pod.namespace ?? "")/Pod/\(pod.name)"] = ("make whatever owns it make it anew", true)
        continue
      }
      let isLeft = restartsAreLeftToUsers || !workload.kind.isRestartable
      advice[workload.description] = (Self.advice(workload), isLeft)
    }
    self.advice = advice
  }

  var isEmpty: Bool { count == 0 }

  /// All of them, a line for each workload.
  var text: String { "\(count) pods still run with an agent:" + Self.lines(advice.mapValues(\.text)) }

  /// Those that nothing but their users makes anew; nil for none.
  var leftToUsers: String? {
    let left = advice.filter(\.value.isLeftToUsers)
    return left.isEmpty ? nil : "nothing but you makes these anew:" + Self.lines(left.mapValues(\.text))
  }

  private static func lines(_ advice: [String: String]) -> String {
    let shown = advice.sorted { $0.key < $1.key }.prefix(10).map { "\n    \($0.key): \($0.value)" }.joined()
    return shown + (advice.count > 10 ? "\n    and \(advice.count - 10) more" : "")
  }

  private static func advice(_ workload: WorkloadReference) -> String {
    let (name, namespace) = (workload.name, workload.namespace)
    switch workload.kind {
    case .pod: return "nobody owns it; delete it and make it again"
    case .staticPod: return "its node's kubelet owns it; its file there decides"
    case .job: return "a Job is not restarted; let it end, or delete it and make it again"
    case .cronJob: return "a run is not restarted; let it end, or delete its Job"
    case .rollout: return "kubectl argo rollouts restart \(name) -n \(namespace)"
    case .deploymentConfig: return "oc rollout latest dc/\(name) -n \(namespace)"
    case .deployment: return "kubectl rollout restart deployment/\(name) -n \(namespace)"
    case .statefulSet, .daemonSet:
      return "kubectl rollout restart \(workload.kind.lowercased)/\(name) -n \(namespace)"
        + "; where its update strategy is OnDelete, delete its pods"
    }
  }
}
