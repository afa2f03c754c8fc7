import JSON

/// Whether workloads and pods run, from their status alone.
enum Readiness {
  /// What a Deployment or DaemonSet still lacks; nil when it is rolled out and ready.
  static func missing(_ object: JSONValue) -> String? {
    let status = object["status"] ?? [:]
    let generation = object.at("metadata", "generation")?.int ?? 0
    guard (status["observedGeneration"]?.int ?? 0) >= generation else { return "its change is not seen yet" }
    let wanted: Int
    let updated: Int
    let ready: Int
    if object["kind"]?.string == "DaemonSet" {
      wanted = status["desiredNumberScheduled"]?.int ?? 0
      updated = status["updatedNumberScheduled"]?.int ?? 0
      ready = status["numberReady"]?.int ?? 0
      if wanted == 0 { return "no node takes its pods" }
    } else {
      wanted = object.at("spec", "replicas")?.int ?? 1
      updated = status["updatedReplicas"]?.int ?? 0
      ready = status["readyReplicas"]?.int ?? 0
    }
    if updated < wanted { return "\(updated) of \(wanted) pods are updated" }
    return ready < wanted ? "\(ready) of \(wanted) pods are ready" : nil
  }

  /// What to do about the troubles of pods, where that is known.
  static func remedy(_ troubles: [String]) -> String? {
    // The scheduler's words, of all versions.
    guard troubles.contains(where: { $0.contains("free ports for the requested pod ports") }) else { return nil }
    return "another pod has the node's port for agents: give a free one, `odigos install --opamp-port PORT`, or none, "
      + "`--opamp-port 0`"
  }

  /// Why a pod does not run, in the kubelet's or scheduler's words; nil when nothing is wrong.
  static func trouble(_ pod: JSONValue) -> String? {
    let status = pod["status"] ?? [:]
    for list in ["initContainerStatuses", "containerStatuses"] {
      for container in status[list]?.array ?? [] {
        guard let waiting = container.at("state", "waiting"), let reason = waiting["reason"]?.string else { continue }
        if reason == "PodInitializing" || reason == "ContainerCreating" { continue }
        return waiting["message"]?.string.map { "\(reason): \($0)" } ?? reason
      }
    }
    for condition in status["conditions"]?.array ?? []
    where condition["type"]?.string == "PodScheduled" && condition["status"]?.string == "False" {
      return condition["message"]?.string ?? "not scheduled"
    }
    return nil
  }
}
