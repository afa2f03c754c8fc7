import Policy
import Testing

@Suite struct RolloutsTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var title: String
    var kind = WorkloadKind.deployment
    var desired = "new"
    var rolledOut: String?
    var repaired: String?
    /// The hashes of its pods.
    var pods = ["old", ""]
    var ongoing = false
    var obstacle: RolloutFacts.Obstacle?
    var rollback = false
    var changedAgo = 60
    var webhook = true
    /// Since when its agents need no new pods; the pods were made at 0.
    var optionalSince: Int?
    var repairs = 0
    var queue = RolloutQueue()
    var settings: @Sendable (inout RolloutSettings) -> Void = { _ in }
    var action = RolloutVerdict.Action.none
    var expected: ReasonCode
    var pod: ReasonCode
    var retries = false
    var mentions = ""
    var testDescription: String { title }

    var facts: RolloutFacts {
      var configuration = RolloutSettings()
      settings(&configuration)
      var facts = RolloutFacts(
        workload: WorkloadReference(namespace: "shop", kind: kind, name: "web"), desiredHash: desired,
        rolledOutHash: rolledOut, repairedHash: repaired,
        pods: pods.enumerated().map { PodFacts(name: "web-\($0)", hash: $1) }, isRolloutOngoing: ongoing,
        obstacle: obstacle, waitingSince: 1000 - changedAgo, configuration: configuration, now: 1000)
      facts.isRollback = rollback
      facts.isWebhookServing = webhook
      facts.restartOptionalSince = optionalSince
      facts.recentRepairs = repairs
      facts.queue = queue
      return facts
    }
  }

  static func others(ongoing: Int, waitingSince times: Int...) -> RolloutQueue {
    let waiting = times.enumerated().map {
      RolloutQueue.Waiting(WorkloadReference(namespace: "a", kind: .deployment, name: "w\($0)"), since: $1)
    }
    return RolloutQueue(ongoing: ongoing, waiting: waiting)
  }

  static let cases = [
    Case(
      title: "agents that need no new pods", pods: ["", ""], optionalSince: 900, expected: .rolloutNotRequired,
      pod: .podsManifestInjectionNotRequired, mentions: "nothing has to restart"),
    Case(
      title: "nor do they of a kind that cannot restart", kind: .staticPod, pods: [""], optionalSince: 900,
      expected: .rolloutNotRequired, pod: .podsManifestInjectionNotRequired),
    Case(
      title: "other settings of such agents", pods: ["old", ""], optionalSince: 0, expected: .rolloutNotRequired,
      pod: .podsManifestInjectionNotRequired),
    Case(
      title: "such agents after others", pods: ["old", ""], optionalSince: 900, action: .restart,
      expected: .rolloutTriggeredSuccessfully, pod: .rolloutInProgress),
    Case(
      title: "such agents are in the new pods", pods: ["new"], optionalSince: 900, expected: .rolloutNotRequired,
      pod: .podsAppliedSuccessfully),
    Case(
      title: "taking such agents out", desired: "", pods: ["old"], optionalSince: 0, action: .restart,
      expected: .rolloutTriggeredSuccessfully, pod: .rolloutInProgress),
    Case(
      title: "first", action: .restart, expected: .rolloutTriggeredSuccessfully, pod: .rolloutInProgress,
      mentions: "brings"),
    Case(
      title: "changed", rolledOut: "old", action: .restart, expected: .rolloutTriggeredSuccessfully,
      pod: .rolloutInProgress),
    Case(
      title: "taken back", desired: "", rolledOut: "old", action: .restart, expected: .rolloutTriggeredSuccessfully,
      pod: .rolloutInProgress, mentions: "removes"),
    Case(
      title: "taken back and gone", desired: "", rolledOut: "old", pods: [""], expected: .rolloutNotRequired,
      pod: .podsManifestInjectionNotRequired),
    Case(
      title: "pods are new already", pods: ["new"], expected: .rolloutNotRequired, pod: .podsAppliedSuccessfully),
    Case(title: "no pods", pods: [], expected: .rolloutNotRequired, pod: .noPods),
    Case(title: "done", rolledOut: "new", pods: ["new"], expected: .rolloutFinished, pod: .podsAppliedSuccessfully),
    Case(
      title: "going on", rolledOut: "new", ongoing: true, expected: .previousRolloutOngoing, pod: .rolloutInProgress,
      retries: true),
    Case(
      title: "going on, all pods new", rolledOut: "new", pods: ["new"], ongoing: true,
      expected: .previousRolloutOngoing, pod: .rolloutInProgress, retries: true),
    Case(
      title: "another one going on", ongoing: true, expected: .previousRolloutOngoing, pod: .waitingForAutomaticRollout,
      retries: true),
    Case(
      title: "the user's own rollout", pods: ["new"], ongoing: true, expected: .rolloutNotRequired,
      pod: .podsAppliedSuccessfully),
    Case(
      title: "paused", obstacle: .paused, expected: .failedToPatch, pod: .restartRequiredAutoRolloutFailed,
      retries: true),
    Case(
      title: "on delete", kind: .statefulSet, obstacle: .heldBack("OnDelete"), expected: .waitingForRestart,
      pod: .waitingForAutomaticRollout),
    Case(
      title: "GitOps", settings: { $0.automaticRolloutDisabled = true }, expected: .rolloutDisabled,
      pod: .restartRequiredAutoRolloutDisabled, mentions: "kubectl rollout restart deployment/web -n shop"),
    Case(
      title: "GitOps, taken back", desired: "", rollback: true, settings: { $0.automaticRolloutDisabled = true },
      expected: .rolloutDisabled, pod: .restartRequiredAutoRolloutDisabled),
    Case(
      title: "just decided", changedAgo: 1, expected: .waitingInQueue, pod: .waitingForAutomaticRollout, retries: true),
    Case(
      title: "webhook away", webhook: false, expected: .waitingInQueue, pod: .waitingForAutomaticRollout, retries: true),
    Case(
      title: "taken back while the webhook is away", desired: "", rolledOut: "old", changedAgo: 0, webhook: false,
      action: .restart, expected: .rolloutTriggeredSuccessfully, pod: .rolloutInProgress),
    Case(
      title: "queue is full", queue: others(ongoing: 2), settings: { $0.maxConcurrentRollouts = 2 },
      expected: .waitingInQueue, pod: .waitingInRolloutQueue, retries: true),
    Case(
      title: "room in the queue", queue: others(ongoing: 1), settings: { $0.maxConcurrentRollouts = 2 },
      action: .restart, expected: .rolloutTriggeredSuccessfully, pod: .rolloutInProgress),
    Case(
      title: "somebody waits longer", queue: others(ongoing: 1, waitingSince: 900),
      settings: { $0.maxConcurrentRollouts = 2 }, expected: .waitingInQueue, pod: .waitingInRolloutQueue,
      retries: true, mentions: "1 wait longer"),
    Case(
      title: "somebody waits less long", queue: others(ongoing: 1, waitingSince: 950),
      settings: { $0.maxConcurrentRollouts = 2 }, action: .restart, expected: .rolloutTriggeredSuccessfully,
      pod: .rolloutInProgress),
    Case(
      title: "rollback waits for nothing", desired: "", rolledOut: "old", ongoing: true, rollback: true,
      queue: others(ongoing: 9), settings: { $0.maxConcurrentRollouts = 1 }, action: .restart,
      expected: .rolloutTriggeredSuccessfully, pod: .rolloutInProgress),
    Case(
      title: "rollback under way", desired: "", rolledOut: "", ongoing: true, rollback: true,
      expected: .previousRolloutOngoing, pod: .rolloutInProgress, retries: true),
    Case(
      title: "static pod", kind: .staticPod, expected: .workloadNotSupporting,
      pod: .rolloutNotSupportedForStaticPods),
    Case(title: "cron job", kind: .cronJob, expected: .waitingForRestart, pod: .waitingForNextJobRun),
    Case(title: "job", kind: .job, expected: .waitingForRestart, pod: .waitingForNextJobRun),
    Case(
      title: "argo", kind: .rollout, action: .restart, expected: .rolloutTriggeredSuccessfully,
      pod: .rolloutInProgress),
    // Pods that missed the webhook.
    Case(
      title: "missed", rolledOut: "new", pods: ["new", ""], action: .repair, expected: .rolloutTriggeredSuccessfully,
      pod: .rolloutInProgress, mentions: "missed"),
    Case(
      title: "missed, the repair too", rolledOut: "new", repaired: "new", pods: ["new", ""],
      expected: .rolloutFinished, pod: .restartRequiredWebhookMissed),
    Case(
      title: "missed, other agents repaired before", rolledOut: "new", repaired: "old", pods: [""], action: .repair,
      expected: .rolloutTriggeredSuccessfully, pod: .rolloutInProgress),
    Case(
      title: "missed, repair is off", rolledOut: "new", settings: { $0.repairMissedPods = false },
      expected: .rolloutFinished, pod: .restartRequiredWebhookMissed, mentions: "kubectl rollout restart"),
    Case(
      title: "missed, webhook still away", rolledOut: "new", webhook: false, expected: .waitingInQueue,
      pod: .waitingForAutomaticRollout, retries: true),
    Case(
      title: "missed, many were", rolledOut: "new", repairs: 3, settings: { $0.maxRepairsPerMinute = 3 },
      expected: .waitingInQueue, pod: .waitingForAutomaticRollout, retries: true),
    Case(
      title: "missed, queue is full", rolledOut: "new", queue: others(ongoing: 1),
      settings: { $0.maxConcurrentRollouts = 1 }, expected: .waitingInQueue, pod: .waitingInRolloutQueue,
      retries: true),
    Case(
      title: "missed the removal", desired: "", rolledOut: "", action: .repair,
      expected: .rolloutTriggeredSuccessfully, pod: .rolloutInProgress),
    Case(
      title: "missed, GitOps", rolledOut: "new", settings: { $0.automaticRolloutDisabled = true },
      expected: .rolloutDisabled, pod: .restartRequiredAutoRolloutDisabled),
  ]

  @Test(arguments: cases) func decides(_ item: Case) {
    let verdict = Rollouts.decide(item.facts)
    #expect(verdict.action == item.action)
    #expect(verdict.reason.code == item.expected)
    #expect(verdict.pods.code == item.pod)
    #expect((verdict.retryAfterSeconds != nil) == item.retries)
    if !item.mentions.isEmpty {
      #expect("\(verdict.reason.message) \(verdict.pods.message)".contains(item.mentions), "\(verdict)")
    }
  }

  /// Whatever the order in which they are asked, the same workloads go first.
  @Test func theQueueIsFairAndStable() {
    let names = ["d", "a", "c", "b", "e"]
    let everyone = names.enumerated().map { index, name in
      RolloutQueue.Waiting(
        WorkloadReference(namespace: "shop", kind: .deployment, name: name), since: index < 2 ? 10 : 20)
    }
    func mayGo(_ own: RolloutQueue.Waiting, ongoing: Int) -> Bool {
      var item = Case(title: "", expected: .waitingInQueue, pod: .noPods)
      item.settings = { $0.maxConcurrentRollouts = 3 }
      item.queue = RolloutQueue(ongoing: ongoing, waiting: everyone.filter { $0 != own })
      var facts = item.facts
      facts.workload = own.workload
      facts.waitingSince = own.since
      return Rollouts.decide(facts).restarts
    }
    #expect(everyone.filter { mayGo($0, ongoing: 0) }.map(\.workload.name) == ["d", "a", "b"])
    #expect(everyone.filter { mayGo($0, ongoing: 2) }.map(\.workload.name) == ["a"])
    #expect(everyone.filter { mayGo($0, ongoing: 3) }.isEmpty)
  }

  @Test(arguments: [
    (pods: ["new"], repaired: "new", ago: 60, settled: true), (pods: ["new"], repaired: "new", ago: 59, settled: false),
    (pods: ["new", ""], repaired: "new", ago: 99, settled: false), (pods: [], repaired: "new", ago: 99, settled: false),
    (pods: ["new"], repaired: String?.none, ago: 99, settled: false),
  ]) func aRepairIsDoneWithOnceAllPodsAreRight(pods: [String], repaired: String?, ago: Int, settled: Bool) {
    var item = Case(title: "", expected: .rolloutFinished, pod: .noPods)
    item.pods = pods
    item.repaired = repaired
    #expect(Rollouts.settlesRepair(item.facts, repairedAt: 1000 - ago) == settled)
  }
}
