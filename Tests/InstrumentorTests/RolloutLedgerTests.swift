import JSON
import KubeClient
import KubeObjects
import OdigosObjects
import Policy
import Testing

@testable import Instrumentor

@Suite struct RolloutLedgerTests {
  private static let start = 1_735_689_600

  private func reference(_ name: String) -> WorkloadReference {
    WorkloadReference(namespace: "shop", kind: .deployment, name: name)
  }

  /// A Deployment that we restarted at that second.
  private func workload(
    _ name: String, restartedAt second: Int?, generation: Int = 2, version: Int = 1, ongoing: Bool = true
  ) -> WorkloadObject {
    var json: JSONValue = [
      "metadata": [
        "name": .string(name), "namespace": "shop", "uid": .string(name), "generation": .int(generation),
        "resourceVersion": .string(String(version)),
      ],
      "spec": ["replicas": 1],
      "status": [
        "observedGeneration": .int(generation), "replicas": 1, "updatedReplicas": ongoing ? 0 : 1,
        "availableReplicas": 1,
      ],
    ]
    if let second {
      let time = JSONValue.string(KubeTime(seconds: Self.start + second).text)
      json.set(["metadata", "annotations", InstrumentorAnnotation.restart], time)
      json.set(["spec", "template", "metadata", "annotations", OdigosAnnotation.restartedAt], time)
    }
    return WorkloadObject(reference(name), json)
  }

  private func config(_ name: String, waiting: Bool, since second: Int) -> InstrumentationConfig {
    var config = InstrumentationConfig(name: "deployment-\(name)", namespace: "shop")
    config.spec.agentsMetaHashChangedTime = KubeTime(seconds: Self.start + second).text
    config.status.conditions = [
      Condition(
        type: InstrumentorCondition.workloadRollout, status: .unknown,
        reason: waiting ? "WaitingInQueue" : "RolloutFinished", message: "", now: "")
    ]
    return config
  }

  @Test func countsWhatTheObjectsSayAndTellsWhoIsNext() {
    var ledger = RolloutLedger()
    let now = Self.start + 10
    #expect(ledger.workloadChanged(reference("a"), workload("a", restartedAt: 5), now: now).isEmpty)
    _ = ledger.workloadChanged(reference("b"), workload("b", restartedAt: nil), now: now)
    ledger.configChanged(reference("b"), config("b", waiting: true, since: 4))
    ledger.configChanged(reference("c"), config("c", waiting: true, since: 3))
    ledger.configChanged(reference("d"), config("d", waiting: false, since: 1))
    let queue = ledger.queue(for: reference("b"), now: now)
    #expect(queue.ongoing == 1)
    #expect(queue.waiting == [.init(reference("c"), since: Self.start + 3)])
    #expect(ledger.queue(for: reference("a"), now: now).ongoing == 0, "its own does not count")
    #expect(ledger.queue(for: reference("b"), now: Self.start + 700).ongoing == 0, "it is stuck")
    let next = ledger.workloadChanged(reference("a"), workload("a", restartedAt: 5, ongoing: false), now: now)
    #expect(next == [reference("c"), reference("b")])
    ledger.configChanged(reference("c"), nil)
    #expect(ledger.queue(for: reference("b"), now: now).waiting.isEmpty)
    #expect(Set(ledger.neighbours(of: reference("b"))) == [reference("d")])
  }

  @Test func knowsOurOwnPatchesBeforeTheCacheDoes() {
    var ledger = RolloutLedger()
    let before = workload("a", restartedAt: nil, generation: 1, version: 7, ongoing: false)
    _ = ledger.workloadChanged(reference("a"), before, now: Self.start)
    ledger.patched(workload("a", restartedAt: 0, generation: 2, version: 8))
    #expect(ledger.queue(for: reference("b"), now: Self.start).ongoing == 1)
    #expect(ledger.latest(before).isRestartOurs)
    // The cache is still behind.
    let lagging = workload("a", restartedAt: nil, generation: 1, version: 6, ongoing: false)
    _ = ledger.workloadChanged(reference("a"), lagging, now: Self.start)
    #expect(ledger.queue(for: reference("b"), now: Self.start).ongoing == 1)
    let ended = workload("a", restartedAt: 0, generation: 2, version: 9, ongoing: false)
    _ = ledger.workloadChanged(reference("a"), ended, now: Self.start)
    #expect(ledger.queue(for: reference("b"), now: Self.start).ongoing == 0)
    #expect(!ledger.latest(ended).isRolloutOngoing)
    _ = ledger.workloadChanged(reference("a"), nil, now: Self.start)
    #expect(!ledger.latest(lagging).isRestartOurs, "a workload made anew is another one")
  }

  @Test func repairsOfTheLastMinuteCount() {
    var ledger = RolloutLedger()
    var repaired = workload("a", restartedAt: 0).json
    repaired.set(["metadata", "annotations", InstrumentorAnnotation.repairedFor], "h")
    ledger.patched(WorkloadObject(reference("a"), repaired))
    #expect(ledger.recentRepairs(now: Self.start + 59) == 1)
    #expect(ledger.recentRepairs(now: Self.start + 60) == 0)
  }
}
