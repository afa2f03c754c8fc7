import TestSupport
import Testing

@testable import KubeletPlugin

@Suite struct RegistrationMachineTests {
  typealias Event = RegistrationMachine.Event
  typealias Action = RegistrationMachine.Action

  /// One event, the second at which it comes, and what is to be done.
  struct Step: Sendable {
    var second: Double
    var event: Event
    var actions: [Action]
    init(_ second: Double, _ event: Event, _ actions: [Action] = []) {
      self.second = second
      self.event = event
      self.actions = actions
    }
  }
  struct Story: Sendable, CustomTestStringConvertible {
    var name: String
    var steps: [Step]
    init(_ name: String, _ steps: [Step]) {
      self.name = name
      self.steps = steps
    }
    var testDescription: String { name }
  }

  static let first = SocketIdentity(inode: 1, modificationTime: 1)
  static let second = SocketIdentity(inode: 1, modificationTime: 2)
  static func begin(_ attempt: Int) -> [Action] {
    [.serve(attempt: attempt), .register(attempt: attempt), .report(.pending)]
  }
  static func fail(_ reason: String, _ milliseconds: Int) -> [Action] {
    [.report(.failed(reason: reason)), .wake(after: .milliseconds(milliseconds))]
  }
  /// From nothing to registered, in attempt 1.
  static let registered = [
    Step(0, .looked(kubelet: first, isOwnSocketGone: false), begin(1)),
    Step(0, .registered(attempt: 1)), Step(0, .tick(watchers: 1), [.report(.registered)]),
    Step(1, .tick(watchers: 1)),
  ]
  /// Processes: the kubelet's, and one of somebody who looks for a fault.
  static let kubelet: Int32? = 500
  static let tool: Int32? = 600
  /// From nothing to registered, in attempt 1, with a kubelet that can be seen and a stream of another process.
  static let followedByOthers = [
    Step(0, .looked(kubelet: first, isOwnSocketGone: false), begin(1)),
    Step(0, .registered(attempt: 1, by: kubelet)), Step(0, .tick(watchers: [kubelet]), [.report(.registered)]),
    Step(1, .tick(watchers: [kubelet, tool])),
  ]
  /// An accepted attempt whose stream has been opened.
  static func accepted(_ attempt: Int, at second: Double) -> [Step] {
    [
      Step(second, .registered(attempt: attempt)), Step(second, .tick(watchers: 1), [.report(.registered)]),
    ]
  }

  static let stories = [
    Story(
      "waits for a kubelet",
      [
        Step(0, .looked(kubelet: nil, isOwnSocketGone: false)), Step(1, .tick(watchers: 0)),
        Step(100, .tick(watchers: 0)),
        Step(101, .looked(kubelet: first, isOwnSocketGone: false), begin(1)),
      ]),
    Story(
      "does nothing while all is well",
      registered + [
        Step(2, .looked(kubelet: first, isOwnSocketGone: false)), Step(3, .tick(watchers: 1)),
        Step(3600, .tick(watchers: 1)),
      ]),
    Story(
      "serves anew and registers when the kubelet's socket is another one",
      registered + [
        Step(9, .looked(kubelet: second, isOwnSocketGone: false), begin(2))
      ] + accepted(2, at: 9)),
    Story(
      "serves anew and registers when the kubelet's socket went and came",
      registered + [
        Step(9, .looked(kubelet: nil, isOwnSocketGone: false), [.report(.absent)]),
        Step(10, .looked(kubelet: nil, isOwnSocketGone: true)),
        Step(10, .looked(kubelet: nil, isOwnSocketGone: false)),
        Step(10, .tick(watchers: 0)), Step(11, .looked(kubelet: first, isOwnSocketGone: false), begin(3)),
      ] + accepted(3, at: 11)),
    Story(
      "serves anew and registers when its own socket is gone",
      registered + [
        Step(9, .looked(kubelet: first, isOwnSocketGone: true), begin(2))
      ] + accepted(2, at: 9)),
    Story(
      "registers once with a kubelet that starts anew, which makes its own socket and deletes ours",
      registered + [
        Step(9, .looked(kubelet: second, isOwnSocketGone: true), begin(2)),
        Step(9, .looked(kubelet: second, isOwnSocketGone: false)),
      ] + accepted(2, at: 9)),
    Story(
      "tries again for ever, ever more slowly, without serving anew",
      [
        Step(0, .looked(kubelet: first, isOwnSocketGone: false), begin(1)),
        Step(0, .failed(attempt: 1, reason: "refused"), fail("refused", 50)),
        Step(0, .tick(watchers: 0)),
        Step(0.05, .tick(watchers: 0), [.register(attempt: 2), .report(.pending)]),
        Step(0.05, .failed(attempt: 2, reason: "refused"), fail("refused", 100)),
        Step(0.1, .tick(watchers: 0)),
        Step(0.15, .tick(watchers: 0), [.register(attempt: 3), .report(.pending)]),
        Step(0.15, .failed(attempt: 3, reason: "refused"), fail("refused", 200)),
        Step(0.3, .tick(watchers: 0)),
        Step(0.35, .tick(watchers: 0), [.register(attempt: 4), .report(.pending)]),
      ] + accepted(4, at: 0.35)),
    Story(
      "serves again where serving failed",
      [
        Step(0, .looked(kubelet: first, isOwnSocketGone: false), begin(1)),
        Step(0, .servingFailed(attempt: 1, reason: "no space"), fail("no space", 50)),
        Step(1, .tick(watchers: 0), begin(2)),
      ]),
    Story(
      "begins at once with a new kubelet however often the old one refused",
      [
        Step(0, .looked(kubelet: first, isOwnSocketGone: false), begin(1)),
        Step(0, .failed(attempt: 1, reason: "refused"), fail("refused", 50)),
        Step(0, .looked(kubelet: second, isOwnSocketGone: false), begin(2)),
      ]),
    Story(
      "ignores the results of earlier attempts",
      [
        Step(0, .looked(kubelet: first, isOwnSocketGone: false), begin(1)),
        Step(
          1, .looked(kubelet: second, isOwnSocketGone: false),
          [
            .serve(attempt: 2), .register(attempt: 2),
          ]),
        Step(1, .failed(attempt: 1, reason: "cancelled")), Step(1, .registered(attempt: 1)),
        Step(1, .servingFailed(attempt: 1, reason: "late")),
      ] + accepted(2, at: 2) + [Step(2, .failed(attempt: 2, reason: "twice")), Step(2, .registered(attempt: 2))]),
    Story(
      "registers anew when the kubelet has closed its stream",
      registered + [
        Step(5, .tick(watchers: 0), [.wake(after: .seconds(1))]), Step(5.9, .tick(watchers: 0)),
        Step(6, .tick(watchers: 0), begin(2)), Step(6, .tick(watchers: 0)),
      ] + accepted(2, at: 6)),
    Story(
      "tries for ever, a second apart, where the kubelet was killed and its socket is left",
      registered + [
        Step(5, .tick(watchers: 0), [.wake(after: .seconds(1))]), Step(6, .tick(watchers: 0), begin(2)),
        Step(6, .failed(attempt: 2, reason: "refused"), fail("refused", 50)),
        Step(7, .tick(watchers: 0), [.register(attempt: 3), .report(.pending)]),
      ]),
    Story(
      "lets the kubelet change over to a newer stream",
      registered + [
        Step(5, .tick(watchers: 0), [.wake(after: .seconds(1))]), Step(5.5, .tick(watchers: 1)),
        Step(6, .tick(watchers: 1)), Step(16, .tick(watchers: 0), [.wake(after: .seconds(1))]),
        Step(16.9, .tick(watchers: 1)), Step(17.5, .tick(watchers: 2)),
      ]),
    Story(
      "is not registered by the kubelet's word alone",
      [
        Step(0, .looked(kubelet: first, isOwnSocketGone: false), begin(1)),
        // Of whatever else there is that follows the devices.
        Step(0, .tick(watchers: 1)), Step(0, .tick(watchers: 0)), Step(0, .registered(attempt: 1)),
        Step(0, .tick(watchers: 0)), Step(9, .tick(watchers: 0)), Step(9, .tick(watchers: 1), [.report(.registered)]),
      ]),
    Story(
      "registers anew when the kubelet has closed its stream and others have not",
      followedByOthers + [
        Step(5, .tick(watchers: [tool, nil, kubelet]), []), Step(6, .tick(watchers: [tool, kubelet])),
        Step(7, .tick(watchers: [tool]), [.wake(after: .seconds(1))]), Step(7.9, .tick(watchers: [tool])),
        Step(8, .tick(watchers: [tool]), begin(2)), Step(8, .tick(watchers: [])),
        Step(8, .registered(attempt: 2, by: kubelet)), Step(8, .tick(watchers: [kubelet]), [.report(.registered)]),
      ]),
    Story(
      "tries for ever where the kubelet was killed while others follow the devices",
      followedByOthers + [
        Step(7, .tick(watchers: [tool]), [.wake(after: .seconds(1))]), Step(8, .tick(watchers: [tool]), begin(2)),
        Step(8, .failed(attempt: 2, reason: "refused"), fail("refused", 50)),
        Step(9, .tick(watchers: [tool]), [.register(attempt: 3), .report(.pending)]),
      ]),
    Story(
      "is not registered by others that follow the devices before the kubelet does",
      [
        Step(0, .looked(kubelet: first, isOwnSocketGone: false), begin(1)), Step(0, .tick(watchers: [tool])),
        Step(0, .registered(attempt: 1, by: kubelet)), Step(0, .tick(watchers: [tool])),
        Step(9, .tick(watchers: [tool])), Step(9, .tick(watchers: [tool, kubelet]), [.report(.registered)]),
        Step(9, .tick(watchers: [tool]), [.wake(after: .seconds(1))]),
      ]),
    Story(
      "knows a kubelet that starts anew by its new process",
      followedByOthers + [
        Step(9, .looked(kubelet: second, isOwnSocketGone: true), begin(2)),
        Step(9, .registered(attempt: 2, by: tool)), Step(9, .tick(watchers: [kubelet])),
        Step(9, .tick(watchers: [tool]), [.report(.registered)]),
      ]),
    Story(
      "counts every stream where it cannot see whose they are",
      [
        Step(0, .looked(kubelet: first, isOwnSocketGone: false), begin(1)), Step(0, .registered(attempt: 1, by: nil)),
        Step(0, .tick(watchers: [tool]), [.report(.registered)]), Step(5, .tick(watchers: [tool])),
        Step(9, .looked(kubelet: second, isOwnSocketGone: true), begin(2)),
        Step(9, .registered(attempt: 2, by: kubelet)), Step(9, .tick(watchers: [nil]), [.report(.registered)]),
        Step(19, .tick(watchers: [nil])),
      ]),
    Story(
      "counts other processes' streams where the one that listens opens none itself, until it does",
      [
        Step(0, .looked(kubelet: first, isOwnSocketGone: false), begin(1)),
        Step(0, .registered(attempt: 1, by: kubelet)), Step(9.9, .tick(watchers: [tool])),
        Step(10, .tick(watchers: [tool]), [.report(.registered)]), Step(99, .tick(watchers: [tool])),
        Step(99, .tick(watchers: []), [.wake(after: .seconds(1))]), Step(100, .tick(watchers: []), begin(2)),
        // Known by now: a lost stream of such a kubelet costs no ten seconds.
        Step(100, .registered(attempt: 2, by: kubelet)), Step(100, .tick(watchers: [tool]), [.report(.registered)]),
        Step(110, .tick(watchers: [tool, kubelet])),
        Step(111, .tick(watchers: [tool]), [.wake(after: .seconds(1))]), Step(112, .tick(watchers: [tool]), begin(3)),
      ]),
    Story(
      "expects the next kubelet to be one process again",
      [
        Step(0, .looked(kubelet: first, isOwnSocketGone: false), begin(1)),
        Step(0, .registered(attempt: 1, by: kubelet)),
        Step(10, .tick(watchers: [tool]), [.report(.registered)]),
        Step(20, .looked(kubelet: second, isOwnSocketGone: true), begin(2)),
        Step(20, .registered(attempt: 2, by: kubelet)), Step(20, .tick(watchers: [tool])),
      ]),
    Story(
      "serves anew and registers when the kubelet never listens",
      [
        Step(0, .looked(kubelet: first, isOwnSocketGone: false), begin(1)),
        Step(0, .registered(attempt: 1)), Step(9, .tick(watchers: 0)),
        Step(
          10, .tick(watchers: 0),
          fail("the kubelet accepts the registration, but does not ask for the devices", 50)),
        Step(10, .tick(watchers: 0)), Step(10.05, .tick(watchers: 0), begin(2)),
      ] + accepted(2, at: 10.05)),
  ]

  @Test(arguments: stories) func follows(_ story: Story) {
    var machine = RegistrationMachine()
    for (index, step) in story.steps.enumerated() {
      let actions = machine.receive(step.event, at: .milliseconds(Int(step.second * 1000)))
      #expect(actions == step.actions, "step \(index): \(step.event)")
    }
  }

  @Test func neverPausesLongerThanASecond() {
    var machine = RegistrationMachine()
    _ = machine.receive(.looked(kubelet: Self.first, isOwnSocketGone: false), at: .zero)
    var now = Duration.zero
    for attempt in 1...100 {
      _ = machine.receive(.failed(attempt: attempt, reason: "no"), at: now)
      now += .seconds(1)
      #expect(machine.receive(.tick(watchers: 0), at: now).contains(.register(attempt: attempt + 1)))
    }
  }
}

extension RegistrationMachine.Event {
  /// By a kubelet that cannot be seen.
  fileprivate static func registered(attempt: Int) -> Self { .registered(attempt: attempt, by: nil) }

  /// So many that cannot be seen.
  fileprivate static func tick(watchers: Int) -> Self { .tick(watchers: [Int32?](repeating: nil, count: watchers)) }
}
