import JSON
import KubeClient
import KubeObjects
import Policy

extension PodFacts {
  /// Reads a pod; nil for one that has ended or is being deleted: it outlives the rollout that replaced it.
  init?(_ pod: Pod) {
    let phase = pod.json.at("status", "phase")?.string
    guard pod.metadata.deletionTimestamp == nil, phase != "Succeeded", phase != "Failed" else { return nil }
    let created = Self.seconds(pod.metadata.creationTimestamp) ?? 0
    let conditions = pod.json.at("status", "conditions")?.array ?? []
    let ready = conditions.first { $0["type"]?.string == "Ready" }
    let since = Self.seconds(ready?["lastTransitionTime"]?.string) ?? created
    let containers = ["initContainerStatuses", "containerStatuses"].flatMap {
      pod.json.at("status", $0)?.array ?? []
    }
    self.init(
      name: pod.name, hash: pod.metadata.labels[OdigosLabel.agentsMetaHash] ?? "", createdAt: created,
      isStarted: phase == "Running",
      readiness: ready?["status"]?.string == "True" ? .ready(since: since) : .unready(since: since),
      trouble: containers.lazy.compactMap(Self.trouble).first,
      lastCrash: containers.compactMap(Self.crash).max(), lastFailure: containers.compactMap(Self.failure).max())
  }

  private static func trouble(_ status: JSONValue) -> PodTrouble? {
    switch status.at("state", "waiting", "reason")?.string {
    case "CrashLoopBackOff": .crashLoop
    case "ImagePullBackOff", "ErrImagePull": .imagePull
    default: nil
    }
  }

  /// The last failure of a container that has failed more than once.
  private static func crash(_ status: JSONValue) -> Int? {
    (status["restartCount"]?.int ?? 0) > 1 ? failure(status, "lastState") : nil
  }

  /// The last failure of a container.
  private static func failure(_ status: JSONValue) -> Int? {
    failure(status, "state") ?? failure(status, "lastState")
  }

  private static func failure(_ status: JSONValue, _ state: String) -> Int? {
    guard let end = status.at(state, "terminated"), end["exitCode"]?.int != 0 else { return nil }
    return seconds(end["finishedAt"]?.string)
  }

  private static func seconds(_ text: String?) -> Int? { text.flatMap(KubeTime.init)?.epochSeconds }
}

extension Pod {
  /// The pod with only what the controllers read, for the cache: all that makes most of a pod is left out.
  var reduced: Pod {
    let isWorkload = WorkloadOwner(pod: self)?.workload.kind.isSinglePod == true
    var pod = keeping(
      (isWorkload ? WorkloadObject.podPaths : []) + [
        ["metadata", "name"], ["metadata", "namespace"], ["metadata", "resourceVersion"], ["metadata", "labels"],
        ["metadata", "ownerReferences"], ["metadata", "deletionTimestamp"], ["metadata", "generateName"],
        ["metadata", "creationTimestamp"], ["metadata", "annotations", "kubernetes.io/config.source"],
        ["metadata", "annotations", "openshift.io/deployment-config.name"], ["status", "phase"],
      ])
    let ready = json.at("status", "conditions")?.array?.filter { $0["type"]?.string == "Ready" } ?? []
    if !ready.isEmpty {
      pod.json.set(
        ["status", "conditions"],
        .array(ready.map { Self.members(["type", "status", "lastTransitionTime"], of: $0) }))
    }
    for list in ["initContainerStatuses", "containerStatuses"] {
      // A container that runs and never failed says nothing that matters here.
      let troubled =
        json.at("status", list)?.array?.filter {
          $0.at("state", "waiting") != nil || ($0["restartCount"]?.int ?? 0) > 0
            || ($0.at("state", "terminated", "exitCode")?.int ?? 0) != 0
        } ?? []
      if troubled.isEmpty { continue }
      pod.json.set(
        ["status", list],
        .array(
          troubled.map { status in
            var kept = Self.members(["restartCount"], of: status)
            for path in [
              ["state", "waiting", "reason"], ["state", "terminated", "exitCode"],
              ["state", "terminated", "finishedAt"], ["lastState", "terminated", "exitCode"],
              ["lastState", "terminated", "finishedAt"],
            ] {
              if let value = status.at(path) { kept.set(path, value) }
            }
            return kept
          }))
    }
    return pod
  }

  private static func members(_ names: [String], of value: JSONValue) -> JSONValue {
    var kept: JSONValue = [:]
    for name in names { if let member = value[name] { kept[name] = member } }
    return kept
  }
}
