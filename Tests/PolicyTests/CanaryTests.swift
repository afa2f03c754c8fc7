import Policy
import Testing

@Suite struct CanaryTests {
  enum Outcome: Sendable, Equatable {
    case go
    case wait
    case replace(String)
    case missed
  }

  static func reference(_ name: String) -> WorkloadReference {
    WorkloadReference(namespace: "shop", kind: .deployment, name: name)
  }

  static func facts(
    _ mode: CanaryMode, pods: [PodFacts] = [PodFacts(name: "web-0"), PodFacts(name: "web-1")],
    peers: [CanaryPeer] = [], waiting: [RolloutQueue.Waiting] = []
  ) -> RolloutFacts {
    var settings = RolloutSettings()
    settings.canary.enabled = true
    settings.canary.mode = mode
    var facts = RolloutFacts(
      workload: reference("m"), desiredHash: "h", pods: pods, waitingSince: 1000, configuration: settings, now: 2000)
    facts.queue = RolloutQueue(waiting: waiting, peers: peers)
    return facts
  }

  static func outcome(_ facts: RolloutFacts) -> Outcome {
    let verdict = Rollouts.decide(facts)
    if verdict.restarts { return .go }
    if case .replace(let pod) = verdict.action { return .replace(pod) }
    #expect(verdict.reason.code == .waitingInQueue)
    return verdict.pods.code == .restartRequiredWebhookMissed ? .missed : .wait
  }

  struct Case: Sendable, CustomTestStringConvertible {
    var title: String
    var peers: [CanaryPeer] = []
    var waiting: [RolloutQueue.Waiting] = []
    var outcome: Outcome
    var testDescription: String { title }
  }

  static let workloads = [
    Case(title: "alone", outcome: .go),
    Case(
      title: "first of those that wait",
      waiting: [.init(reference("n"), since: 1000), .init(reference("a"), since: 1001)], outcome: .go),
    Case(title: "not first of those that wait", waiting: [.init(reference("a"), since: 1000)], outcome: .wait),
    Case(
      title: "first of its namespace",
      waiting: [.init(WorkloadReference(namespace: "bank", kind: .deployment, name: "a"), since: 1)], outcome: .go),
    Case(
      title: "canary is not ready", peers: [.init(reference("a"), .instrumented(at: 1900, readySince: nil))],
      outcome: .wait),
    Case(
      title: "canary is ready for a short time",
      peers: [.init(reference("a"), .instrumented(at: 1900, readySince: 1941))], outcome: .wait),
    Case(
      title: "canary is stable", peers: [.init(reference("a"), .instrumented(at: 1900, readySince: 1940))],
      waiting: [.init(reference("b"), since: 900)], outcome: .go),
    Case(
      title: "canary is stable and the second one is on its way",
      peers: [
        .init(reference("a"), .instrumented(at: 1900, readySince: 1940)),
        .init(reference("b"), .instrumented(at: 1990, readySince: nil)),
      ], outcome: .go),
    Case(
      title: "canary was rolled back",
      peers: [
        .init(reference("b"), .instrumented(at: 1900, readySince: 1901)),
        .init(reference("a"), .rolledBack(at: 1500)),
      ], outcome: .wait),
    Case(
      title: "a rollback of before", peers: [.init(reference("a"), .rolledBack(at: 900))], outcome: .go),
    Case(
      title: "one of before lost a pod", peers: [.init(reference("a"), .instrumented(at: 500, readySince: nil))],
      outcome: .go),
  ]

  @Test(arguments: workloads) func oneWorkloadTries(_ item: Case) {
    #expect(Self.outcome(Self.facts(.workload, peers: item.peers, waiting: item.waiting)) == item.outcome)
  }

  struct PodCase: Sendable, CustomTestStringConvertible {
    var title: String
    var pods: [PodFacts]
    var change: @Sendable (inout RolloutFacts) -> Void = { _ in }
    var outcome: Outcome
    var testDescription: String { title }
  }

  static func plain(_ name: String, madeAt created: Int = 0, ready: Bool = true) -> PodFacts {
    PodFacts(name: name, createdAt: created, readiness: ready ? .ready(since: created) : .unready(since: created))
  }
  static func canary(readySince: Int?) -> PodFacts {
    PodFacts(name: "c", hash: "h", readiness: readySince.map { .ready(since: $0) } ?? .unready(since: 0))
  }
  static let evicted: @Sendable (inout RolloutFacts) -> Void = {
    $0.canaryHash = "h"
    $0.canaryAt = 1900
  }

  static let pods = [
    PodCase(
      title: "the last ready one", pods: [plain("a"), plain("b"), plain("c", ready: false)], outcome: .replace("b")),
    PodCase(title: "a single pod is its own canary", pods: [plain("a")], outcome: .go),
    PodCase(title: "none is ready", pods: [plain("a", ready: false), plain("b", ready: false)], outcome: .wait),
    PodCase(title: "canary is not ready", pods: [plain("a"), canary(readySince: nil)], outcome: .wait),
    PodCase(title: "canary is ready for a short time", pods: [plain("a"), canary(readySince: 1941)], outcome: .wait),
    PodCase(title: "canary is stable", pods: [plain("a"), canary(readySince: 1940)], outcome: .go),
    PodCase(
      title: "evicted lately", pods: [plain("a"), plain("b")],
      change: {
        evicted(&$0)
        $0.canaryAt = 1950
      }, outcome: .wait),
    PodCase(title: "eviction was refused", pods: [plain("a"), plain("b")], change: evicted, outcome: .replace("b")),
    PodCase(
      title: "canary missed the webhook", pods: [plain("a"), plain("b", madeAt: 1901)], change: evicted,
      outcome: .replace("b")),
    PodCase(
      title: "canary missed it again", pods: [plain("a"), plain("b", madeAt: 1901)],
      change: {
        evicted(&$0)
        $0.repairedHash = "h"
      }, outcome: .missed),
    PodCase(
      title: "evicted for other agents", pods: [plain("a"), plain("b", madeAt: 1901)],
      change: {
        evicted(&$0)
        $0.canaryHash = "old"
      }, outcome: .replace("b")),
    PodCase(
      title: "failed canary alone is made anew", pods: [plain("a"), canary(readySince: nil)],
      change: {
        evicted(&$0)
        $0.desiredHash = ""
        $0.isRollback = true
      }, outcome: .replace("c")),
    PodCase(
      title: "removal needs no trial", pods: [plain("a"), canary(readySince: 0), canary(readySince: 0)],
      change: { $0.desiredHash = "" }, outcome: .go),
  ]

  @Test(arguments: pods) func onePodTries(_ item: PodCase) {
    var facts = Self.facts(.pod, pods: item.pods)
    item.change(&facts)
    #expect(Self.outcome(facts) == item.outcome)
  }
}
