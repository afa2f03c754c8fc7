import JSON
import KubeClient
import KubeObjects
import Policy

/// What the controllers read of a workload.
struct WorkloadObject: Sendable {
  /// The members that are read, for informers that keep nothing else.
  static let readPaths: [[String]] =
    [
      ["metadata", "name"], ["metadata", "namespace"], ["metadata", "uid"], ["metadata", "resourceVersion"],
      ["metadata", "generation"], ["metadata", "labels"], ["metadata", "deletionTimestamp"],
      ["metadata", "annotations", OdigosAnnotation.rollbackRecovery], ["spec", "replicas"], ["spec", "paused"],
      ["spec", "restartAt"], ["spec", "template", "metadata", "annotations", OdigosAnnotation.restartedAt],
      ["spec", "template", "spec", "containers"], ["spec", "updateStrategy"], ["status"],
    ] + InstrumentorAnnotation.notes.map { ["metadata", "annotations", $0] }

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
      ["metadata", "annotations", OdigosAnnotation.rollbackRecovery],
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

  /// What tells whether the containers of its pod template are the same ones as before.
  var containersDigest: String {
    Rollback.digest(ofContainers: json.at(reference.kind.templatePath + ["spec", "containers"]) ?? .null)
  }

  /// What its pods were asked to be restarted for last: the template's `restartedAt`, or an Argo Rollout's
  /// `restartAt`, which changes no template.
  var restartedAt: String? {
    if reference.kind == .rollout { return json.at("spec", "restartAt")?.string }
    return json.at("spec", "template", "metadata", "annotations", OdigosAnnotation.restartedAt)?.string
  }

  // MARK: - What keeps it from being restarted

  /// What keeps a change of its template from replacing its pods.
  var obstacle: RolloutFacts.Obstacle? {
    let isArgoPaused = reference.kind == .rollout && json.at("status", "pauseConditions")?.array?.isEmpty == false
    if json.at("spec", "paused")?.bool == true || isArgoPaused { return .paused }
    let strategy = json.at("spec", "updateStrategy")
    if strategy?["type"]?.string == "OnDelete" {
      return .heldBack("Its update strategy is OnDelete: the change takes effect for each pod that you delete.")
    }
    if let partition = strategy?.at("rollingUpdate", "partition")?.int, partition > 0 {
      return .heldBack(
        "Its update strategy keeps pods below \(partition) as they are (rollingUpdate.partition); the change takes "
          + "effect when you set that to 0 and restart it.")
    }
    return nil
  }

  /// Whether pods of an older template are still being replaced.
  var isRolloutOngoing: Bool {
    let status = json["status"] ?? [:]
    func count(_ name: String) -> Int { status[name]?.int ?? 0 }
    if !reference.kind.isRestartable { return false }
    if reference.kind == .rollout { return isArgoRolloutOngoing(status) }
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

  private func isArgoRolloutOngoing(_ status: JSONValue) -> Bool {
    if let asked = json.at("spec", "restartAt")?.string, status["restartedAt"]?.string != asked { return true }
    // Argo counts generations in text.
    if let seen = status["observedGeneration"]?.string.flatMap({ Int($0) }), seen < (metadata.generation ?? 0) {
      return true
    }
    return ["Progressing", "Paused"].contains(status["phase"]?.string)
  }
}

/// What we noted on a workload, in the same write as what the note is about: so it cannot be forgotten.
extension WorkloadObject {
  /// A note; nil where there is none.
  func note(_ name: String) -> String? { json.at("metadata", "annotations", name)?.string }

  /// The restart that we asked for last; nil when we never did, or put the template back since.
  var ownRestart: String? { note(InstrumentorAnnotation.restart) }

  /// The template's `restartedAt` before our first restart, "" when there was none.
  var restartedAtBefore: String? { note(InstrumentorAnnotation.before) }

  /// Whether the last restart was ours.
  var isRestartOurs: Bool { ownRestart.map { $0 == restartedAt } ?? false }

  /// Whether the template can be put back to what it was.
  var canBePutBack: Bool { reference.kind != .rollout && isRestartOurs }

  /// Whether there is any note.
  var hasNotes: Bool { InstrumentorAnnotation.notes.contains { note($0) != nil } }

  /// When we restarted it last, in seconds since 1970; nil where the last restart was somebody else's.
  var ownRestartTime: Int? { isRestartOurs ? ownRestart.flatMap(KubeTime.init)?.epochSeconds : nil }

  /// When a rollout of ours that still goes on began; nil where there is none. One that takes longer than Kubernetes'
  /// own deadline of ten minutes is stuck, and keeps others waiting no longer.
  func ownRolloutStart(now: Int) -> Int? {
    let start = ownRestartTime ?? note(InstrumentorAnnotation.removedAt).flatMap(KubeTime.init)?.epochSeconds
    guard let start, isRolloutOngoing, now - start < 600 else { return nil }
    return start
  }

  /// When its last repair was; nil where its repairs are done with.
  var repairTime: Int? { note(InstrumentorAnnotation.repairedFor).flatMap { _ in ownRestartTime } }
}

extension KubeTime {
  /// Seconds since 1970.
  var epochSeconds: Int { microseconds / 1_000_000 }

  /// A time of whole seconds since 1970.
  init(seconds: Int) { self.init(microseconds: seconds * 1_000_000) }
}
