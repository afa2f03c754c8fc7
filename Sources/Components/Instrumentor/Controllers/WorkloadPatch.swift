import JSON
import KubeClient
import Policy

/// The merge patches that a workload gets. Each holds the version of the object that it was decided for, so that the
/// API server refuses it when the workload has changed since; and the notes go with it in one write.
enum WorkloadPatch {
  /// Asks for new pods as `kubectl rollout restart` does (an Argo Rollout by `restartAt`), and notes what the template
  /// said before, what the restart is for, and whether all pods were ready without these agents.
  static func restart(_ situation: WorkloadSituation, hash: String, isRepair: Bool) -> JSONValue {
    let workload = situation.workload
    let wasReady = !situation.pods.isEmpty && situation.pods.allSatisfy(\.isReady)
    var notes: JSONValue = [
      InstrumentorAnnotation.restart: .string(situation.now), InstrumentorAnnotation.restartedFor: .string(hash),
      InstrumentorAnnotation.repairedFor: isRepair ? .string(hash) : .null, InstrumentorAnnotation.removedAt: .null,
    ]
    // A repair says nothing new of how the pods were without the agents.
    if !isRepair {
      notes[InstrumentorAnnotation.readyBefore] = wasReady ? .string(workload.containersDigest) : .null
    }
    if workload.restartedAtBefore == nil || !workload.isRestartOurs {
      notes[InstrumentorAnnotation.before] = .string(workload.restartedAt ?? "")
    }
    return patch(workload, notes, restartAt: .string(situation.now))
  }

  /// Takes the agents out of the pods: puts the template's `restartedAt` back where the last restart was ours, which
  /// replaces the pods, and restarts the workload otherwise.
  ///
  /// - Parameters:
  ///   - keepsNotes: whether to note that the agents were removed; otherwise nothing of ours stays.
  static func remove(_ situation: WorkloadSituation, keepsNotes: Bool, isRepair: Bool) -> JSONValue {
    let workload = situation.workload
    var notes = forgetting
    let isPutBack = workload.canBePutBack
    if keepsNotes {
      notes[InstrumentorAnnotation.restartedFor] = ""
      if isRepair { notes[InstrumentorAnnotation.repairedFor] = "" }
    }
    if situation.configuration.rollout.maxConcurrentRollouts > 0 {
      notes[InstrumentorAnnotation.removedAt] = .string(situation.now)
    }
    let before = workload.restartedAtBefore ?? ""
    return patch(
      workload, notes, restartAt: isPutBack && before.isEmpty ? .null : .string(isPutBack ? before : situation.now))
  }

  /// Removes all notes.
  static func forget(_ workload: WorkloadObject) -> JSONValue { patch(workload, forgetting) }

  /// Removes the note of the last repair.
  static func settleRepair(_ workload: WorkloadObject) -> JSONValue {
    patch(workload, [InstrumentorAnnotation.repairedFor: .null])
  }

  /// Notes that one pod is made anew to try the agents, or to lose them.
  static func canary(_ situation: WorkloadSituation, hash: String) -> JSONValue {
    let workload = situation.workload
    var notes: JSONValue = [
      InstrumentorAnnotation.canaryFor: .string(hash), InstrumentorAnnotation.canaryAt: .string(situation.now),
    ]
    // The second one for the same agents is a repair, unless the first was never evicted.
    let last = workload.note(InstrumentorAnnotation.canaryAt).flatMap(KubeTime.init)?.epochSeconds ?? 0
    if workload.note(InstrumentorAnnotation.canaryFor) == hash, situation.pods.contains(where: { $0.createdAt >= last })
    {
      notes[InstrumentorAnnotation.repairedFor] = .string(hash)
    }
    if hash.isEmpty { notes[InstrumentorAnnotation.restartedFor] = "" }
    let wasReady = !situation.pods.isEmpty && situation.pods.allSatisfy(\.isReady)
    notes[InstrumentorAnnotation.readyBefore] = wasReady ? .string(workload.containersDigest) : .null
    return patch(workload, notes)
  }

  private static let forgetting = JSONValue.object([
    InstrumentorAnnotation.restart: .null, InstrumentorAnnotation.before: .null,
    InstrumentorAnnotation.restartedFor: .null, InstrumentorAnnotation.repairedFor: .null,
    InstrumentorAnnotation.readyBefore: .null, InstrumentorAnnotation.canaryFor: .null,
    InstrumentorAnnotation.canaryAt: .null, InstrumentorAnnotation.removedAt: .null,
  ])

  private static func patch(
    _ workload: WorkloadObject, _ notes: JSONValue, restartAt: JSONValue? = nil
  ) -> JSONValue {
    var patch: JSONValue = ["metadata": ["annotations": notes]]
    if let version = workload.metadata.resourceVersion {
      patch.set(["metadata", "resourceVersion"], .string(version))
    }
    guard let restartAt else { return patch }
    if workload.reference.kind == .rollout {
      patch.set(["spec", "restartAt"], restartAt)
    } else {
      patch.set(["spec", "template", "metadata", "annotations", OdigosAnnotation.restartedAt], restartAt)
    }
    return patch
  }
}
