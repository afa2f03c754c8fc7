import JSON
import KubeObjects
import KubeRuntime
import Policy

/// What the controllers read of a workload.
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

  /// The members that name an object.
  static let identityPaths: [[String]] = [
    ["metadata", "name"], ["metadata", "namespace"], ["metadata", "resourceVersion"],
  ]

  /// The members that are read of a pod that is a workload of its own.
  static let podPaths: [[String]] = [["metadata", "uid"], ["spec", "containers"]]

  /// The members that are read of workloads of that kind.
  static func readPaths(_ kind: WorkloadKind) -> [[String]] {
    if kind.isRestartable { return readPaths }
    // What never restarts is not watched for how its pods are doing.
    return identityPaths + [
      ["metadata", "uid"], ["metadata", "labels"], ["metadata", "deletionTimestamp"],
      kind.templatePath + ["spec", "containers"],
    ]
  }

  let reference: WorkloadReference
  let json: JSONValue

  init(_ reference: WorkloadReference, _ json: JSONValue) {
    self.reference = reference
    self.json = json
  }

  var metadata: ObjectMeta { ObjectMeta(json: json["metadata"] ?? [:]) }

  /// The names of the containers of its pod template.
  var containerNames: [String] {
    json.at(reference.kind.templatePath + ["spec", "containers"])?.array?.compactMap { $0["name"]?.string } ?? []
  }

  /// What its pod template says of the containers' variables.
  var containerTemplates: [ContainerTemplate] {
    json.at(reference.kind.templatePath + ["spec", "containers"])?.array?.compactMap(ContainerTemplate.init) ?? []
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
    if !reference.kind.isRestartable { return false }
    if reference.kind == .rollout { return ["Progressing", "Paused"].contains(status["phase"]?.string) }
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

extension WorkloadObject {
  /// Records a warning about the workload.
  func record(_ reason: Reason, with events: EventRecorder) async {
    switch reference.kind {
    case .deployment: await record(Deployment.self, reason, events)
    case .statefulSet: await record(StatefulSet.self, reason, events)
    case .daemonSet: await record(DaemonSet.self, reason, events)
    case .cronJob: await record(CronJob.self, reason, events)
    case .job: await record(Job.self, reason, events)
    case .deploymentConfig: await record(DeploymentConfig.self, reason, events)
    case .rollout: await record(ArgoRollout.self, reason, events)
    case .pod, .staticPod: await record(Pod.self, reason, events)
    }
  }

  private func record<Resource: KubeResource>(_: Resource.Type, _ reason: Reason, _ events: EventRecorder) async {
    await events.record(
      Resource(json: json), warning: true, reason: reason.code.rawValue, message: reason.message)
  }
}
