import Policy
import Testing

@Suite struct RolloutsTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var title: String
    var kind = WorkloadKind.deployment
    var desired = "new"
    var rolledOut = ""
    var outdated = true
    var ongoing = false
    var paused = false
    var others = 0
    var limit = 0
    var disabled = false
    var restart = false
    var expected: ReasonCode
    var retries = false
    var testDescription: String { title }
  }

  static let cases = [
    Case(title: "first", restart: true, expected: .rolloutTriggeredSuccessfully),
    Case(title: "changed", rolledOut: "old", restart: true, expected: .rolloutTriggeredSuccessfully),
    Case(title: "taken back", desired: "", rolledOut: "old", restart: true, expected: .rolloutTriggeredSuccessfully),
    Case(title: "taken back and gone", desired: "", rolledOut: "old", outdated: false, expected: .rolloutNotRequired),
    Case(title: "pods are new already", outdated: false, expected: .rolloutNotRequired),
    Case(title: "done", rolledOut: "new", outdated: false, expected: .rolloutFinished),
    Case(title: "done, though pods missed it", rolledOut: "new", expected: .rolloutFinished),
    Case(title: "going on", rolledOut: "new", ongoing: true, expected: .previousRolloutOngoing, retries: true),
    Case(title: "another one going on", ongoing: true, expected: .previousRolloutOngoing, retries: true),
    Case(title: "the user's own rollout", outdated: false, ongoing: true, expected: .rolloutNotRequired),
    Case(title: "paused", paused: true, expected: .failedToPatch, retries: true),
    Case(title: "switched off", disabled: true, expected: .rolloutDisabled),
    Case(title: "queue", others: 2, limit: 2, expected: .waitingInQueue, retries: true),
    Case(title: "room in the queue", others: 1, limit: 2, restart: true, expected: .rolloutTriggeredSuccessfully),
    Case(title: "static pod", kind: .staticPod, expected: .workloadNotSupporting),
    Case(title: "cron job", kind: .cronJob, expected: .waitingForRestart),
    Case(title: "job", kind: .job, expected: .waitingForRestart),
    Case(title: "argo", kind: .rollout, restart: true, expected: .rolloutTriggeredSuccessfully),
  ]

  @Test(arguments: cases) func decides(_ item: Case) {
    var settings = RolloutSettings()
    settings.automaticRolloutDisabled = item.disabled
    settings.maxConcurrentRollouts = item.limit
    let verdict = Rollouts.decide(
      RolloutFacts(
        workload: WorkloadReference(namespace: "shop", kind: item.kind, name: "web"), desiredHash: item.desired,
        rolledOutHash: item.rolledOut, hasOutdatedPods: item.outdated, isRolloutOngoing: item.ongoing,
        isPaused: item.paused, ongoingRollouts: item.others, configuration: settings))
    #expect(verdict.restart == item.restart)
    #expect(verdict.reason.code == item.expected)
    #expect((verdict.retryAfterSeconds != nil) == item.retries)
  }
}
