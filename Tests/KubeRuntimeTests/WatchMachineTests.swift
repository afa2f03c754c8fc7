import KubeClient
import KubeRuntime
import Testing

private typealias Event = WatchMachine.Event
private typealias Action = WatchMachine.Action

private let gone = KubeError(status: 410, reason: "Expired", message: "too old")
private let refused = KubeError(status: 0, reason: KubeError.LocalReason.unreachable, message: "refused")
private let forbidden = KubeError(status: 403, reason: "Forbidden", message: "no")
private let silent = KubeError(status: 0, reason: KubeError.LocalReason.timeout, message: "no event")

/// What happens after how many seconds since the last step, and what is to be done then.
private struct Step: Sendable {
  var after = 0.0
  var event: Event
  var actions: [Action]
}

private struct Scenario: Sendable, CustomTestStringConvertible {
  var name: String
  var steps: [Step]
  var testDescription: String { name }
}

private let firstList = [
  Step(event: .start, actions: [.list(continueToken: nil, isWhole: false)]),
  Step(
    event: .page(resourceVersion: "10", continueToken: nil), actions: [.stage, .publish, .watch(resourceVersion: "10")]),
  Step(event: .watchOpened, actions: []),
]

private let scenarios = [
  Scenario(
    name: "pages are joined, then watched from the list's version",
    steps: [
      Step(event: .start, actions: [.list(continueToken: nil, isWhole: false)]),
      Step(
        event: .page(resourceVersion: "10", continueToken: "a"),
        actions: [.stage, .list(continueToken: "a", isWhole: false)]),
      Step(
        event: .page(resourceVersion: "10", continueToken: nil),
        actions: [.stage, .publish, .watch(resourceVersion: "10")]),
    ]),
  Scenario(
    name: "a list that expires is asked for whole",
    steps: [
      Step(event: .start, actions: [.list(continueToken: nil, isWhole: false)]),
      Step(
        event: .page(resourceVersion: "10", continueToken: "a"),
        actions: [.stage, .list(continueToken: "a", isWhole: false)]),
      Step(event: .listFailed(gone), actions: [.discard, .list(continueToken: nil, isWhole: true)]),
      Step(
        event: .page(resourceVersion: "12", continueToken: nil),
        actions: [.stage, .publish, .watch(resourceVersion: "12")]),
    ]),
  Scenario(
    name: "a failing list waits longer each time",
    steps: [
      Step(event: .start, actions: [.list(continueToken: nil, isWhole: false)]),
      Step(event: .listFailed(refused), actions: [.discard, .report(refused), .wait(.seconds(1))]),
      Step(event: .waited, actions: [.list(continueToken: nil, isWhole: false)]),
      Step(event: .listFailed(refused), actions: [.discard, .report(refused), .wait(.seconds(2))]),
      Step(event: .waited, actions: [.list(continueToken: nil, isWhole: false)]),
      Step(event: .listFailed(refused), actions: [.discard, .report(refused), .wait(.seconds(4))]),
    ]),
  Scenario(
    name: "a watch that the server ends goes on where it was",
    steps: firstList + [
      Step(after: 5, event: .change(resourceVersion: "11"), actions: [.apply]),
      Step(after: 60, event: .bookmark(resourceVersion: "40"), actions: []),
      Step(after: 225, event: .watchEnded, actions: [.watch(resourceVersion: "40")]),
    ]),
  Scenario(
    name: "a quiet watch goes on from the list",
    steps: firstList + [Step(after: 290, event: .watchEnded, actions: [.watch(resourceVersion: "10")])]),
  Scenario(
    name: "a server that ends each watch at once is not asked at once",
    steps: firstList + [
      Step(after: 0.1, event: .watchEnded, actions: [.wait(.seconds(1))]),
      Step(event: .waited, actions: [.watch(resourceVersion: "10")]),
      Step(event: .watchOpened, actions: []),
      Step(after: 0.1, event: .watchEnded, actions: [.wait(.seconds(2))]),
    ]),
  Scenario(
    name: "410 in a watch lists anew at once",
    steps: firstList + [
      Step(event: .change(resourceVersion: "11"), actions: [.apply]),
      Step(after: 1, event: .watchFailed(gone), actions: [.list(continueToken: nil, isWhole: false)]),
    ]),
  Scenario(
    name: "410 on a version that was just listed waits first",
    steps: firstList + [
      Step(event: .watchFailed(gone), actions: [.wait(.seconds(1))]),
      Step(event: .waited, actions: [.list(continueToken: nil, isWhole: false)]),
    ]),
  Scenario(
    name: "a lost connection is resumed, backing off while the server is away",
    steps: firstList + [
      Step(event: .change(resourceVersion: "11"), actions: [.apply]),
      Step(after: 20, event: .watchFailed(refused), actions: [.report(refused), .wait(.seconds(1))]),
      Step(event: .waited, actions: [.watch(resourceVersion: "11")]),
      Step(event: .watchFailed(refused), actions: [.report(refused), .wait(.seconds(2))]),
      Step(event: .waited, actions: [.watch(resourceVersion: "11")]),
      Step(event: .watchOpened, actions: []),
      Step(after: 30, event: .watchFailed(refused), actions: [.report(refused), .wait(.seconds(1))]),
    ]),
  Scenario(
    name: "a watch without events or bookmarks, as old servers have it, is opened anew quietly",
    steps: firstList + [
      Step(after: 150, event: .watchFailed(silent), actions: [.watch(resourceVersion: "10")]),
      Step(event: .watchOpened, actions: []),
      Step(after: 150, event: .watchFailed(silent), actions: [.watch(resourceVersion: "10")]),
    ]),
  Scenario(
    name: "a server that does not even open the watch is reported",
    steps: firstList + [
      Step(after: 150, event: .watchFailed(silent), actions: [.watch(resourceVersion: "10")]),
      Step(after: 150, event: .watchFailed(silent), actions: [.report(silent), .wait(.seconds(1))]),
    ]),
  Scenario(
    name: "after any other failure only a list tells",
    steps: firstList + [
      Step(event: .watchFailed(forbidden), actions: [.report(forbidden), .wait(.seconds(1))]),
      Step(event: .waited, actions: [.list(continueToken: nil, isWhole: false)]),
    ]),
  Scenario(
    name: "events of a watch that is over are ignored",
    steps: firstList + [
      Step(event: .watchFailed(refused), actions: [.report(refused), .wait(.seconds(1))]),
      Step(event: .change(resourceVersion: "99"), actions: []),
      Step(event: .waited, actions: [.watch(resourceVersion: "10")]),
    ]),
]

@Suite struct WatchMachineTests {
  @Test(arguments: scenarios) fileprivate func follows(_ scenario: Scenario) {
    var machine = WatchMachine(backoff: Backoff(initial: .seconds(1), maximum: .seconds(30)))
    var now = ContinuousClock.now
    for (index, step) in scenario.steps.enumerated() {
      now += .seconds(step.after)
      #expect(machine.receive(step.event, at: now, random: 0) == step.actions, "step \(index)")
    }
  }
}
