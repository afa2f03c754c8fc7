import JSON
import OdigosObjects
import Policy

@testable import Instrumentor

/// What has happened in the model of rollouts, and what of it must never happen.
struct RolloutRecord {
  /// What went wrong.
  private(set) var violations: [String] = []
  private(set) var restarts = 0
  private(set) var rollbacks = 0
  private(set) var repairs = 0
  private var restartsFor: [String: Int] = [:]
  /// When workloads were repaired that have not been complete since.
  private var repairedAt: [String: Int] = [:]
  /// The values of `restartedAt` that brought agents in, which may not stay in a template.
  private var ours: Set<String> = []
  /// The workloads that we have begun to replace the pods of, and that have not been complete since. (One that was, and
  /// loses a pod or its readiness later, is none of these, whether caches show that already or not.)
  private var begun: Set<String> = []

  /// Counts a write that replaces pods.
  mutating func note(_ plan: WorkloadPlan, _ situation: WorkloadSituation) {
    if situation.config?.status.rollbackOccurred == true { rollbacks += 1 }
    guard plan.restartReason != nil, let patch = plan.workloadPatch else { return }
    let name = situation.workload.reference.name
    restarts += 1
    let others = begun.subtracting([name]).count
    begun.insert(name)
    let notes = patch.at("metadata", "annotations")
    guard let hash = notes?[InstrumentorAnnotation.restartedFor]?.string, !hash.isEmpty else { return }
    ours.insert(name + situation.now)
    let epoch = "\(name) \(hash) \(situation.config?.spec.agentsMetaHashChangedTime ?? "")"
    if notes?[InstrumentorAnnotation.repairedFor]?.string == nil {
      restartsFor[epoch, default: 0] += 1
      if restartsFor[epoch, default: 0] > 1 { violations.append("second restart of \(epoch)") }
    } else {
      repairs += 1
      // By caches of different moments one may look complete that never was; it may be repaired anew after a minute.
      let before = repairedAt.updateValue(situation.nowSeconds, forKey: name + hash)
      if let before, situation.nowSeconds - before < 60 { violations.append("second repair of \(epoch)") }
    }
    let limit = situation.configuration.rollout.maxConcurrentRollouts
    if limit > 0, others >= limit { violations.append("\(others) rollouts go on when \(epoch) begins; limit \(limit)") }
  }

  /// Looks at the workloads after something has happened.
  mutating func check(_ workloads: [ModelWorkload], now: Int) {
    for model in workloads {
      let name = model.reference.name
      if model.object.ownRolloutStart(now: now) == nil { begun.remove(name) }
      if let hash = model.config?.spec.agentsMetaHash, model.pods.allSatisfy({ $0.facts.hash == hash }),
        !model.object.isRolloutOngoing
      {
        // Seen complete: pods that are missed later are missed anew.
        repairedAt[name + hash] = nil
      }
      guard let config = model.config, config.status.rollbackOccurred == true else { continue }
      let processed = config.metadata.annotations[OdigosAnnotation.rollbackRecoveryProcessed]
      let isHalfWritten = config.status.conditions.condition("AgentEnabled")?.reason != "EnabledSuccessfully"
      if config.spec.agentInjectionEnabled == true, model.recovery == processed, !isHalfWritten {
        violations.append("\(name) has agents though they were taken back")
      }
    }
  }

  /// What is wrong with workloads that nobody opted in any more.
  func leftovers(of workloads: [ModelWorkload]) -> [String] {
    workloads.flatMap { model -> [String] in
      let name = model.reference.name
      var found: [String] = []
      if model.config != nil { found.append("\(name): an InstrumentationConfig") }
      if model.pods.contains(where: { !$0.facts.hash.isEmpty }) { found.append("\(name): pods with agents") }
      if model.object.hasNotes { found.append("\(name): notes \(model.workload.at("metadata", "annotations") ?? [:])") }
      if ours.contains(name + model.template) { found.append("\(name): our restart in its template") }
      if model.object.isRolloutOngoing { found.append("\(name): a rollout that does not end") }
      return found
    }
  }
}
