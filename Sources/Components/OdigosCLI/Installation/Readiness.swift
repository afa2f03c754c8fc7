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

  /// Why pods of a Deployment or DaemonSet are not made, in the API server's words; nil when none is missing.
  ///
  /// - Parameters:
  ///   - pods: how many pods it has.
  ///   - events: of the DaemonSet, with the reason FailedCreate. A Deployment says it in its status itself.
  static func refusal(_ object: JSONValue, pods: Int, events: [JSONValue]) -> String? {
    let status = object["status"] ?? [:]
    guard object["kind"]?.string == "DaemonSet" else {
      let conditions = status["conditions"]?.array ?? []
      let failure = conditions.first { $0["type"] == "ReplicaFailure" && $0["status"] == "True" }
      return failure?["message"]?.string
    }
    // Events outlive what they tell of. Before any pod was made there is no status, and while pods are refused
    // Kubernetes 1.20 leaves it as it was.
    guard pods < max(status["desiredNumberScheduled"]?.int ?? 0, 1) else { return nil }
    func time(_ event: JSONValue) -> String { event["lastTimestamp"]?.string ?? event["eventTime"]?.string ?? "" }
    return events.filter {
      $0["reason"] == "FailedCreate" && $0.at("involvedObject", "kind") == "DaemonSet"
        && $0.at("involvedObject", "name") == object.at("metadata", "name")
    }.max { time($0) < time($1) }?["message"]?.string
  }

  /// What to do about the troubles of pods, where that is known.
  static func remedy(_ troubles: [String]) -> String? {
    if troubles.contains(where: { $0.contains("violates PodSecurity") }) {
      return "something else in the cluster sets the namespace's level of pod security: let it be privileged, "
        + "pod-security.kubernetes.io/enforce=privileged"
    }
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
