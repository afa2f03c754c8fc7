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
  private var repairsFor: [String: Int] = [:]
  /// The values of `restartedAt` that brought agents in, which may not stay in a template.
  private var ours: Set<String> = []

  /// Counts a write that replaces pods; `others` is how many other workloads are rolling out.
  mutating func note(_ plan: WorkloadPlan, _ situation: WorkloadSituation, others: Int) {
    if situation.config?.status.rollbackOccurred == true { rollbacks += 1 }
    guard plan.restartReason != nil, let patch = plan.workloadPatch else { return }
    let name = situation.workload.reference.name
    restarts += 1
    let notes = patch.at("metadata", "annotations")
    guard let hash = notes?[InstrumentorAnnotation.restartedFor]?.string, !hash.isEmpty else { return }
    ours.insert(name + situation.now)
    let epoch = "\(name) \(hash) \(situation.config?.spec.agentsMetaHashChangedTime ?? "")"
    if notes?[InstrumentorAnnotation.repairedFor]?.string == nil {
      restartsFor[epoch, default: 0] += 1
      if restartsFor[epoch, default: 0] > 1 { violations.append("second restart of \(epoch)") }
    } else {
      repairs += 1
      repairsFor[name + hash, default: 0] += 1
      if repairsFor[name + hash, default: 0] > 1 { violations.append("second repair of \(epoch)") }
    }
    let limit = situation.configuration.rollout.maxConcurrentRollouts
    if limit > 0, others >= limit { violations.append("\(others) rollouts go on when \(epoch) begins; limit \(limit)") }
  }

  /// Looks at the workloads after something has happened.
  mutating func check(_ workloads: [ModelWorkload]) {
    for model in workloads {
      let name = model.reference.name
      if let hash = model.config?.spec.agentsMetaHash, model.pods.allSatisfy({ $0.facts.hash == hash }),
        !model.object.isRolloutOngoing
      {
        // Seen complete: pods that are missed later are missed anew.
        repairsFor[name + hash] = 0
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
