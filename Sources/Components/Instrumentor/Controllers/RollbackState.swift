import KubeObjects
import OdigosObjects
import Policy

/// Whether a workload's agents are taken back, as its InstrumentationConfig says; and whether they are to be now.
///
/// What was taken back stays so until the annotation `odigos.io/rollback-recovery` of the Source gets a value that was
/// not acted on yet.
struct RollbackState: Sendable, Equatable {
  /// Why the agents are taken back, or withheld; nil where they are not.
  var reason: Reason?
  /// Whether they are taken back (`status.rollbackOccurred`), and not only withheld.
  var isRolledBack = false
  /// Whether that was decided just now.
  var isNew = false
  /// Whether it ended just now.
  var isRecovered = false
  /// When to look again, in seconds.
  var retryAfterSeconds: Int?
  /// The annotation `odigos.io/rollback-recovery-processed` that the InstrumentationConfig is to have.
  var processedRecovery: String?

  init(_ situation: WorkloadSituation) {
    let config = situation.config
    let recovery = situation.recovery.flatMap { $0.isEmpty ? nil : $0 }
    processedRecovery = config?.metadata.annotations[OdigosAnnotation.rollbackRecoveryProcessed]
    if config?.status.rollbackOccurred == true {
      if let recovery, recovery != processedRecovery {
        isRecovered = true
      } else {
        isRolledBack = true
        reason = Self.reason(in: config)
        return
      }
    }
    processedRecovery = recovery ?? processedRecovery
    guard !isRecovered else { return }
    guard config?.spec.agentInjectionEnabled == true else {
      reason = Rollback.withholding(situation.pods, now: situation.nowSeconds)
      if reason != nil { retryAfterSeconds = 30 }
      return
    }
    switch Rollback.decide(Self.facts(situation)) {
    case .keep: break
    case .watch(let seconds): retryAfterSeconds = max(1, seconds)
    case .rollBack(let reason):
      self.reason = reason
      isRolledBack = true
      isNew = true
    }
  }

  private static func facts(_ situation: WorkloadSituation) -> RollbackFacts {
    let workload = situation.workload
    return RollbackFacts(
      pods: situation.pods, hash: situation.config?.spec.agentsMetaHash ?? "",
      instrumentedAt: situation.instrumentationTime,
      wasReadyBefore: workload.note(InstrumentorAnnotation.readyBefore) == workload.containersDigest,
      now: situation.nowSeconds, configuration: situation.configuration)
  }

  /// The condition AgentEnabled has the reason as it was given, for as long as the agents are taken back.
  private static func reason(in config: InstrumentationConfig?) -> Reason {
    let condition = config?.status.conditions.condition(InstrumentorCondition.agentEnabled)
    let code = condition?.reason.flatMap(ReasonCode.init(rawValue:))
    guard let code, [.crashLoopBackOff, .imagePullBackOff, .readinessLost].contains(code) else {
      return Reason(.crashLoopBackOff, "Agents were taken back because the pods that had them did not do well.")
    }
    return Reason(code, condition?.message ?? "")
  }
}
