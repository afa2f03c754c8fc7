import Foundation
import Policy
import Testing

@testable import Instrumentor

/// Random orders of events, with caches that lag and controllers that die between two writes.
///
/// `ODIGOS_MODEL_SEEDS` says how many (40).
@Suite struct RolloutModelTests {
  private static let seeds = ProcessInfo.processInfo.environment["ODIGOS_MODEL_SEEDS"].flatMap(Int.init) ?? 40

  @Test(arguments: 1...seeds) func nothingForbiddenEverHappens(seed: Int) {
    var model = RolloutModel(seed: UInt64(seed))
    for _ in 0..<1500 { model.happen() }
    #expect(model.record.violations.isEmpty, "seed \(seed): \(Set(model.record.violations).sorted().prefix(3))")

    // Everything heals: healthy workloads have their agents, the others are rolled back.
    for index in model.workloads.indices {
      model.workloads[index].isOptedIn = true
      model.workloads[index].temper = .healthy
      // What still crashes when the word to recover comes is taken back once more.
      model.workloads[index].runPods(now: model.now)
      model.refresh(index)
      model.workloads[index].recovery = "heal"
    }
    model.settle()
    for workload in model.workloads {
      let hash = workload.config?.spec.agentsMetaHash ?? ""
      #expect(!hash.isEmpty, "seed \(seed): \(workload.reference) has no agents")
      let isSpent = workload.object.note(InstrumentorAnnotation.repairedFor) == hash
      let isComplete = workload.pods.allSatisfy { $0.facts.hash == hash }
      #expect(isComplete || isSpent, "seed \(seed): \(workload.reference): \(workload.liveFacts.map(\.hash))")
    }

    for index in model.workloads.indices { model.workloads[index].isOptedIn = false }
    model.settle()
    let leftovers = model.record.leftovers(of: model.workloads)
    #expect(leftovers.isEmpty, "seed \(seed): \(leftovers)")
    #expect(model.record.violations.isEmpty, "seed \(seed): \(Set(model.record.violations).sorted().prefix(3))")
  }

  /// The model would be worth nothing if little happened in it.
  @Test func muchHappens() {
    var (restarts, repairs, rollbacks) = (0, 0, 0)
    for seed in 1...10 {
      var model = RolloutModel(seed: UInt64(seed))
      for _ in 0..<1500 { model.happen() }
      restarts += model.record.restarts
      repairs += model.record.repairs
      rollbacks += model.record.rollbacks
    }
    let figures = "\(restarts) restarts, \(repairs) repairs, \(rollbacks) rollbacks"
    print("the model of rollouts: \(figures)")
    #expect(restarts > 50 && repairs > 5 && rollbacks > 5, "\(figures)")
  }
}
