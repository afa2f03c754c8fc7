import JSON
import KubeClient
import KubeObjects
import OdigosObjects
import Policy

/// What has to be done about a workload: pure, from its situation.
struct WorkloadPlan: Sendable, Equatable {
  /// What becomes of the InstrumentationConfig.
  enum Config: Sendable, Equatable {
    case leave
    case delete
    /// Apply this object; it holds just the fields that we own.
    case apply(InstrumentationConfig)
  }

  /// Something to be told as an Event.
  struct Announcement: Sendable, Equatable {
    var reason: Reason
    var isWarning = false
  }

  var config: Config = .leave
  /// What the status is to say; nil leaves it alone.
  var status: PlannedStatus?
  /// Whether the status goes before the rest: what a new leader must not miss when this one dies in between.
  var appliesStatusFirst = false
  /// A merge patch of the workload: restarts it, puts its template back, or changes only our notes on it.
  var workloadPatch: JSONValue?
  /// Why the workload is patched; nil where only notes change.
  var restartReason: Reason?
  /// A pod to be evicted, after the patch.
  var evictedPod: String?
  var announcements: [Announcement] = []
  /// Seconds after which to look again.
  var retryAfterSeconds: Int?

  /// Whether pods are replaced. That is decided again on what the API server says at this moment, because a cache that
  /// lags would replace pods that have just been replaced.
  var replacesPods: Bool { restartReason != nil || evictedPod != nil }

  /// What is to be done in this situation.
  static func make(_ situation: WorkloadSituation) -> WorkloadPlan {
    switch situation.selection.outcome {
    case .instrument: instrumenting(situation)
    case .leave: leaving(situation)
    case .undecided: undecided(situation)
    }
  }

  private static func instrumenting(_ situation: WorkloadSituation) -> WorkloadPlan {
    let rollback = RollbackState(situation)
    let details = (situation.config?.status.runtimeDetailsByContainer ?? []).compactMap { RuntimeFacts(json: $0.json) }
    var facts = AgentFacts(
      selection: situation.selection, containerNames: situation.workload.containerNames, runtimeDetails: details,
      nodeCollector: situation.nodeCollector, configuration: situation.configuration, rules: situation.rules,
      rollback: rollback.reason, inventory: situation.inventory, templates: situation.workload.containerTemplates)
    facts.actions = situation.actions
    let verdict = AgentPolicy.decide(facts)
    // What cannot be said at the moment (collectors restarting, say) takes no agent away from running pods.
    if !verdict.isInjectionEnabled, verdict.reason.code.verdict == .unknown,
      situation.config?.spec.agentInjectionEnabled == true
    {
      return undecided(situation)
    }
    var plan = WorkloadPlan()
    let desired = DesiredConfig.make(situation, verdict, rollback)
    if !DesiredConfig.isApplied(desired, in: situation.config) { plan.config = .apply(desired) }
    plan.appliesStatusFirst = (rollback.isNew || rollback.isRecovered) && situation.config != nil
    plan.retryAfterSeconds = rollback.retryAfterSeconds
    var status = PlannedStatus(situation.config?.status)
    status.rollbackOccurred = rollback.isRolledBack
    status.set(InstrumentorCondition.markedForInstrumentation, situation.selection.reason, now: situation.now)
    status.set(InstrumentorCondition.agentEnabled, rollback.reason ?? verdict.reason, now: situation.now)
    plan.status = status
    // A restart makes sense only once the webhook's copies know the new hash: after our own apply has come back.
    if situation.config?.spec.agentsMetaHash ?? "" == verdict.agentsMetaHash {
      let optionalSince = desired.metadata.annotations[OdigosAnnotation.restartOptionalSince]
      plan.rollOut(
        situation, verdict.agentsMetaHash, isRollback: rollback.isRolledBack,
        restartOptionalSince: optionalSince.flatMap(KubeTime.init)?.epochSeconds)
    } else {
      let reason = Reason(.notYetReconciled, "What its pods get was decided just now.")
      plan.status?.set(InstrumentorCondition.podsManifestInjection, reason, now: situation.now)
    }
    plan.announce(rollback, situation)
    return plan
  }

  /// Decides about the pods of a workload whose InstrumentationConfig says what new ones get.
  private mutating func rollOut(
    _ situation: WorkloadSituation, _ hash: String, isRollback: Bool, restartOptionalSince: Int?
  ) {
    let workload = situation.workload
    var facts = situation.rolloutFacts(desiredHash: hash, isRollback: isRollback)
    facts.restartOptionalSince = restartOptionalSince
    let verdict = Rollouts.decide(facts)
    let isRepair = verdict.action == .repair
    var rolledOut = facts.rolledOutHash
    switch verdict.action {
    case .restart, .repair:
      workloadPatch =
        hash.isEmpty
        ? WorkloadPatch.remove(situation, keepsNotes: true, isRepair: isRepair)
        : WorkloadPatch.restart(situation, hash: hash, isRepair: isRepair)
      restartReason = verdict.reason
      rolledOut = hash
    case .replace(let pod):
      workloadPatch = WorkloadPatch.canary(situation, hash: hash)
      evictedPod = pod
    case .none:
      if Rollouts.settlesRepair(facts, repairedAt: workload.repairTime ?? 0) {
        workloadPatch = WorkloadPatch.settleRepair(workload)
      } else if facts.repairedHash != nil, let time = workload.repairTime {
        retry(after: max(1, time + 60 - facts.now))
      }
    }
    let injection = PodInjection(situation.pods, desiredHash: hash)
    let isComplete = hash.isEmpty ? !injection.hasOutOfDatePods : injection.isComplete(desiredHash: hash)
    status?.workloadRolloutHash = isComplete && !facts.isRolloutOngoing ? hash : rolledOut ?? ""
    status?.injection = injection
    if !hash.isEmpty {
      let time = verdict.restarts ? facts.now : situation.instrumentationTime
      status?.instrumentationTime = time.map { KubeTime(seconds: $0).text }
    }
    status?.set(InstrumentorCondition.workloadRollout, verdict.reason, now: situation.now)
    status?.set(InstrumentorCondition.podsManifestInjection, verdict.pods, now: situation.now)
    if let seconds = verdict.retryAfterSeconds { retry(after: seconds) }
    if let restartReason { announcements.append(Announcement(reason: restartReason)) }
    if evictedPod != nil { announcements.append(Announcement(reason: verdict.reason)) }
  }

  private mutating func retry(after seconds: Int) { retryAfterSeconds = min(retryAfterSeconds ?? seconds, seconds) }

  /// Tells what people should notice, each when it begins.
  private mutating func announce(_ rollback: RollbackState, _ situation: WorkloadSituation) {
    if rollback.isNew, let reason = rollback.reason {
      announcements.append(Announcement(reason: reason, isWarning: true))
    }
    if rollback.isRecovered {
      let text = "The annotation \(OdigosAnnotation.rollbackRecovery) has a new value: its agents are tried again."
      announcements.append(Announcement(reason: Reason(.enabledSuccessfully, text)))
    }
    let type = InstrumentorCondition.podsManifestInjection
    guard let condition = status?.conditions.condition(type),
      let code = condition.reason.flatMap(ReasonCode.init(rawValue:)), code.verdict == .negative,
      situation.config?.status.conditions.condition(type)?.reason != condition.reason
    else { return }
    announcements.append(Announcement(reason: Reason(code, condition.message ?? ""), isWarning: true))
  }

  private static func undecided(_ situation: WorkloadSituation) -> WorkloadPlan {
    var plan = WorkloadPlan()
    guard let config = situation.config else { return plan }
    var status = PlannedStatus(config.status)
    status.set(InstrumentorCondition.markedForInstrumentation, situation.selection.reason, now: situation.now)
    plan.status = status
    return plan
  }

  // MARK: - Opting out

  private static func leaving(_ situation: WorkloadSituation) -> WorkloadPlan {
    var plan = WorkloadPlan()
    let workload = situation.workload
    let instrumented = situation.pods.count { !$0.hash.isEmpty }
    if situation.config != nil {
      // Pods must not be made again before the webhook's copies know that it is gone.
      plan.config = .delete
      if instrumented > 0 { plan.announcements = [goodbye(situation)] }
      return plan
    }
    // Nothing replaces the pods of others: the next run of a job, or whoever makes a pod, does without us.
    guard workload.reference.kind.isRestartable, !situation.configuration.rollout.automaticRolloutDisabled else {
      return plan
    }
    let facts = situation.rolloutFacts(desiredHash: "", isRollback: false)
    let limit = facts.configuration.maxConcurrentRollouts
    let isFull = limit > 0 && facts.queue.ongoing >= limit
    if workload.canBePutBack {
      if isFull { return retrying(10) }
      plan.workloadPatch = WorkloadPatch.remove(situation, keepsNotes: false, isRepair: false)
      plan.restartReason = Reason(.rolloutTriggeredSuccessfully, "The pod template is put back to what it was.")
    } else if instrumented > 0 {
      if workload.isRolloutOngoing || workload.obstacle != nil || isFull { return retrying(5) }
      // Twice at most: what still has agents then does not have them from us.
      let isRepair = workload.note(InstrumentorAnnotation.restartedFor) == ""
      if isRepair, workload.note(InstrumentorAnnotation.repairedFor) == "" { return plan }
      plan.workloadPatch = WorkloadPatch.remove(situation, keepsNotes: true, isRepair: isRepair)
      plan.restartReason = Reason(.rolloutTriggeredSuccessfully, "A restart removes the agents from its pods.")
    } else if workload.hasNotes {
      let isCounted = workload.note(InstrumentorAnnotation.removedAt) != nil
      if isCounted, workload.isRolloutOngoing { return retrying(10) }
      plan.workloadPatch = WorkloadPatch.forget(workload)
    }
    if let reason = plan.restartReason { plan.announcements = [Announcement(reason: reason)] }
    return plan
  }

  private static func retrying(_ seconds: Int) -> WorkloadPlan {
    var plan = WorkloadPlan()
    plan.retryAfterSeconds = seconds
    return plan
  }

  private static func goodbye(_ situation: WorkloadSituation) -> Announcement {
    let facts = situation.rolloutFacts(desiredHash: "", isRollback: false)
    var text = "The workload is not to be instrumented any more. \(situation.selection.reason.message)"
    if facts.configuration.automaticRolloutDisabled {
      text += " Automatic restarts are disabled: \(facts.restartAdvice)"
    }
    return Announcement(reason: Reason(.unmarkedFromOdigos, text))
  }
}
