import JSON
import KubeObjects
import Policy

/// What the controllers read of a Deployment, StatefulSet or DaemonSet.
struct WorkloadObject: Sendable {
  /// The members that are read, for informers that keep nothing else.
  static let readPaths: [[String]] = [
    ["metadata", "name"], ["metadata", "namespace"], ["metadata", "uid"], ["metadata", "resourceVersion"],
    ["metadata", "generation"], ["metadata", "labels"], ["metadata", "annotations", InstrumentorAnnotation.before],
    ["metadata", "annotations", InstrumentorAnnotation.restart], ["metadata", "deletionTimestamp"],
    ["spec", "replicas"], ["spec", "paused"],
    ["spec", "template", "metadata", "annotations", OdigosAnnotation.restartedAt],
    ["spec", "template", "spec", "containers"], ["spec", "updateStrategy", "type"], ["status"],
  ]

  let reference: WorkloadReference
  let json: JSONValue

  init(_ reference: WorkloadReference, _ json: JSONValue) {
    self.reference = reference
    self.json = json
  }

  var metadata: ObjectMeta { ObjectMeta(json: json["metadata"] ?? [:]) }

  /// The names of the containers of its pod template.
  var containerNames: [String] {
    json.at("spec", "template", "spec", "containers")?.array?.compactMap { $0["name"]?.string } ?? []
  }

  /// What its pod template says of the containers' variables.
  var containerTemplates: [ContainerTemplate] {
    json.at("spec", "template", "spec", "containers")?.array?.compactMap(ContainerTemplate.init) ?? []
  }

  /// The template's `restartedAt`.
  var restartedAt: String? {
    json.at("spec", "template", "metadata", "annotations", OdigosAnnotation.restartedAt)?.string
  }

  /// The restart that we asked for last; nil when we never did, or put the template back since.
  var ownRestart: String? { metadata.annotations[InstrumentorAnnotation.restart] }

  /// The template's `restartedAt` before our first restart, "" when there was none.
  var restartedAtBefore: String? { metadata.annotations[InstrumentorAnnotation.before] }

  var isPaused: Bool { json.at("spec", "paused")?.bool ?? false }

  /// Whether pods of an older template are still being replaced.
  var isRolloutOngoing: Bool {
    let status = json["status"] ?? [:]
    func count(_ name: String) -> Int { status[name]?.int ?? 0 }
    if count("observedGeneration") < (metadata.generation ?? 0) { return true }
    if reference.kind == .daemonSet {
      let wanted = count("desiredNumberScheduled")
      return count("updatedNumberScheduled") < wanted || count("numberAvailable") < wanted
    }
    let wanted = json.at("spec", "replicas")?.int ?? 1
    if reference.kind == .statefulSet { return count("updatedReplicas") < wanted || count("readyReplicas") < wanted }
    return count("updatedReplicas") < wanted || count("replicas") > count("updatedReplicas")
      || count("availableReplicas") < wanted
  }
}
