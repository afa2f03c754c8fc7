import Concurrency
import KubeObjects
import OdigosObjects

/// The languages that containers have shown and that are not recorded yet: they may be only those of a script at the
/// start, or writing them has failed. A container that ends before that is decided, as those of short Jobs do, was for
/// what it showed last.
struct UntoldFindings: Sendable {
  private struct Entry {
    var config: ObjectKey
    var pod: PodObservation
  }
  private let entries = Locked<[String: Entry]>([:])

  /// Keeps what a container shows, instead of what it showed before; nothing known takes nothing back.
  func note(_ observation: ContainerObservation, of pod: NodePod) {
    guard observation.inspection.runtime != nil, let config = pod.configKey else { return }
    let pod = PodObservation(
      created: pod.created, containerNames: pod.containers.map(\.name), containers: [observation])
    entries.withLock { $0[observation.containerID] = Entry(config: config, pod: pod) }
  }

  /// What the containers of a workload showed that run no longer, to be told beside what is recorded. Where something
  /// else is known of their program, the little that was seen of these says nothing against it.
  func ended(
    of config: ObjectKey, recorded: [RuntimeDetails], isRunning: (String) -> Bool
  ) -> [PodObservation] {
    entries.withLock { entries in
      let ended = entries.filter { $0.value.config == config && !isRunning($0.key) }.map(\.value.pod)
      return ended.filter { RuntimeReport.isNew($0, beside: recorded) }
    }
  }

  /// Forgets what was kept of a workload's containers that have been told of, or that run no longer.
  func forget(of config: ObjectKey, told: [String], isRunning: (String) -> Bool) {
    entries.withLock { entries in
      for id in told { entries[id] = nil }
      if !entries.isEmpty { entries = entries.filter { $0.value.config != config || isRunning($0.key) } }
    }
  }

  /// Forgets what was kept of a workload's containers.
  func forget(of config: ObjectKey) { forget(of: config, told: [], isRunning: { _ in false }) }

  /// Of how many containers something is kept.
  var count: Int { entries.withLock { $0.count } }
}
