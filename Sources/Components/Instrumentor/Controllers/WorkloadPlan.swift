import JSON
import KubeObjects
import OdigosObjects
import Policy

/// What is known of a workload when a decision about it is made.
struct WorkloadSituation: Sendable {
  var workload: WorkloadObject
  var selection: SelectionVerdict
  /// Its InstrumentationConfig as it is now.
  var config: InstrumentationConfig?
  var nodeCollector: NodeCollectorState
  var configuration: OdigosConfiguration
  /// The label `odigos.io/agents-meta-hash` of each of its pods that runs or will run; "" for none.
  var podHashes: [String]
  /// Workloads that we are restarting now.
  var ongoingRollouts = 0
  /// RFC 3339.
  var now: String
}

/// What has to be done about a workload: pure, from its situation.
struct WorkloadPlan: Sendable, Equatable {
  /// What becomes of the InstrumentationConfig.
  enum Config: Sendable, Equatable {
    case leave
    case delete
    /// Apply this object; it holds just the fields that we own.
    case apply(InstrumentationConfig)
  }

  var config: Config = .leave
  /// The conditions that we own, to be applied to the status with `workloadRolloutHash`.
  var conditions: [Condition] = []
  var workloadRolloutHash: String?
  /// A merge patch of the workload: restarts it, or puts its template back.
  var workloadPatch: JSONValue?
  /// Why the workload is patched.
  var restartReason: Reason?
  /// Seconds after which to look again.
  var retryAfterSeconds: Int?

  /// Decides.
  static func make(_ situation: WorkloadSituation) -> WorkloadPlan {
    switch situation.selection.outcome {
    case .instrument: instrumenting(situation)
    case .leave: leaving(situation)
    case .undecided: undecided(situation)
    }
  }

  private static func instrumenting(_ situation: WorkloadSituation) -> WorkloadPlan {
    let details = (situation.config?.status.runtimeDetailsByContainer ?? []).compactMap { RuntimeFacts(json: $0.json) }
    let verdict = AgentPolicy.decide(
      AgentFacts(
        selection: situation.selection, containerNames: situation.workload.containerNames, runtimeDetails: details,
        nodeCollector: situation.nodeCollector, configuration: situation.configuration,
        templates: situation.workload.containerTemplates))
    // What cannot be said at the moment (collectors restarting, say) takes no agent away from running pods.
    if !verdict.isInjectionEnabled, verdict.reason.code.verdict == .unknown,
      situation.config?.spec.agentInjectionEnabled == true
    {
      return undecided(situation)
    }
    var plan = WorkloadPlan()
    let desired = desiredConfig(situation, verdict)
    if !isApplied(desired, in: situation.config) { plan.config = .apply(desired) }

    // A restart makes sense only once the webhook's copies know the new hash: after our own apply has come back.
    let isKnown = situation.config?.spec.agentsMetaHash ?? "" == verdict.agentsMetaHash
    let rolledOut = situation.config?.status.workloadRolloutHash ?? ""
    let rollout = Rollouts.decide(
      RolloutFacts(
        workload: situation.workload.reference, desiredHash: verdict.agentsMetaHash, rolledOutHash: rolledOut,
        hasOutdatedPods: situation.podHashes.contains { $0 != verdict.agentsMetaHash },
        isRolloutOngoing: situation.workload.isRolloutOngoing, isPaused: situation.workload.isPaused,
        ongoingRollouts: situation.ongoingRollouts, configuration: situation.configuration.rollout))
    plan.workloadRolloutHash = rolledOut
    if rollout.restart, isKnown {
      plan.workloadPatch = restart(situation)
      plan.restartReason = rollout.reason
      plan.workloadRolloutHash = verdict.agentsMetaHash
    }
    plan.retryAfterSeconds = rollout.retryAfterSeconds
    plan.conditions = [
      condition(InstrumentorCondition.markedForInstrumentation, situation.selection.reason, situation.now),
      condition(InstrumentorCondition.agentEnabled, verdict.reason, situation.now),
    ]
    if !rollout.restart || isKnown {
      plan.conditions.append(condition(InstrumentorCondition.workloadRollout, rollout.reason, situation.now))
    }
    return plan
  }

  private static func leaving(_ situation: WorkloadSituation) -> WorkloadPlan {
    var plan = WorkloadPlan()
    if situation.config != nil {
      // Pods must not be made again before the webhook's copies know that it is gone.
      plan.config = .delete
      return plan
    }
    let workload = situation.workload
    let hasInstrumentedPods = situation.podHashes.contains { !$0.isEmpty }
    if situation.configuration.rollout.automaticRolloutDisabled { return plan }
    if let own = workload.ownRestart {
      if workload.restartedAt == own {
        plan.workloadPatch = restore(workload)
        plan.restartReason = Reason(.rolloutTriggeredSuccessfully, "The pod template is put back to what it was.")
      } else if hasInstrumentedPods, !workload.isRolloutOngoing {
        plan.workloadPatch = restart(situation, remembering: false)
        plan.restartReason = Reason(.rolloutTriggeredSuccessfully, "A restart removes the agents from its pods.")
      } else {
        // Somebody else restarted it since: the template is theirs, only our notes go.
        plan.workloadPatch = ["metadata": ["annotations": forget]]
      }
    } else if hasInstrumentedPods {
      if workload.isRolloutOngoing || workload.isPaused {
        plan.retryAfterSeconds = 5
      } else {
        plan.workloadPatch = restart(situation, remembering: false)
        plan.restartReason = Reason(.rolloutTriggeredSuccessfully, "A restart removes the agents from its pods.")
      }
    }
    return plan
  }

  private static func undecided(_ situation: WorkloadSituation) -> WorkloadPlan {
    var plan = WorkloadPlan()
    guard let config = situation.config else { return plan }
    plan.workloadRolloutHash = config.status.workloadRolloutHash
    plan.conditions =
      config.status.conditions.filter {
        [InstrumentorCondition.agentEnabled, InstrumentorCondition.workloadRollout].contains($0.type ?? "")
      } + [condition(InstrumentorCondition.markedForInstrumentation, situation.selection.reason, situation.now)]
    return plan
  }

  // MARK: - The InstrumentationConfig

  private static func desiredConfig(_ situation: WorkloadSituation, _ verdict: AgentVerdict) -> InstrumentationConfig {
    let reference = situation.workload.reference
    var config = InstrumentationConfig(name: reference.instrumentationConfigName, namespace: reference.namespace)
    var labels: [String: String] = [:]
    for stream in situation.selection.dataStreams { labels[OdigosLabel.dataStreamPrefix + stream] = "true" }
    config.metadata.labels = labels
    if let type = reference.kind.resourceType {
      config.json.set(
        ["metadata", "ownerReferences"],
        [
          [
            "apiVersion": .string(type.apiVersion), "kind": .string(type.kind), "name": .string(reference.name),
            "uid": .string(situation.workload.metadata.uid ?? ""), "controller": true, "blockOwnerDeletion": false,
          ]
        ])
    }
    config.spec.serviceName = situation.selection.serviceName
    config.spec.agentInjectionEnabled = verdict.isInjectionEnabled
    // Left out when empty: server-side apply of Kubernetes 1.20 makes null of an empty string.
    config.spec.agentsMetaHash = verdict.agentsMetaHash.isEmpty ? Optional.none : verdict.agentsMetaHash
    config.spec.containersOverrides = situation.selection.containerOverrides.map { ContainerOverride(json: $0.json) }
    config.json.set(["spec", "containers"], verdict.containersJSON)
    let before = situation.config?.spec
    config.spec.agentsMetaHashChangedTime =
      before?.agentsMetaHash == verdict.agentsMetaHash
      ? before?.agentsMetaHashChangedTime ?? situation.now : situation.now
    return config
  }

  /// Whether the object already says what we would apply.
  private static func isApplied(_ desired: InstrumentationConfig, in config: InstrumentationConfig?) -> Bool {
    guard let config else { return false }
    let streams = { (labels: [String: String]) in labels.filter { $0.key.hasPrefix(OdigosLabel.dataStreamPrefix) } }
    return config.json["spec"] == desired.json["spec"] && streams(config.metadata.labels) == desired.metadata.labels
      && config.metadata.ownerReferences.map(\.uid) == desired.metadata.ownerReferences.map(\.uid)
  }

  private static func condition(_ type: String, _ reason: Reason, _ now: String) -> Condition {
    var condition = Condition()
    condition.type = type
    condition.status = reason.code.verdict.rawValue
    condition.reason = reason.code.rawValue
    condition.message = reason.message
    condition.lastTransitionTime = now
    return condition
  }

  // MARK: - The workload

  /// Asks for new pods as `kubectl rollout restart` does, and notes what the template said before.
  private static func restart(_ situation: WorkloadSituation, remembering: Bool = true) -> JSONValue {
    let workload = situation.workload
    var notes = forget
    if remembering {
      notes = [InstrumentorAnnotation.restart: .string(situation.now)]
      if workload.restartedAtBefore == nil || workload.ownRestart != workload.restartedAt {
        notes[InstrumentorAnnotation.before] = .string(workload.restartedAt ?? "")
      }
    }
    return [
      "metadata": ["annotations": notes],
      "spec": ["template": ["metadata": ["annotations": [OdigosAnnotation.restartedAt: .string(situation.now)]]]],
    ]
  }

  /// Puts the template's `restartedAt` back: that changes the template, and so replaces the pods.
  private static func restore(_ workload: WorkloadObject) -> JSONValue {
    let before = workload.restartedAtBefore ?? ""
    let annotation: JSONValue = [OdigosAnnotation.restartedAt: before.isEmpty ? .null : .string(before)]
    return [
      "metadata": ["annotations": forget], "spec": ["template": ["metadata": ["annotations": annotation]]],
    ]
  }

  private static let forget: JSONValue = [
    InstrumentorAnnotation.restart: .null, InstrumentorAnnotation.before: .null,
  ]
}
