import Policy
import Testing

@Suite struct RollbackTests {
  enum Outcome: Sendable, Equatable {
    case keep
    case watch(Int)
    case rollBack(ReasonCode)
  }

  struct Case: Sendable, CustomTestStringConvertible {
    var title: String
    var pods: [PodFacts]
    var hash = "h"
    var instrumentedAt: Int? = 1000
    var wasReadyBefore = true
    var now = 1300
    var change: @Sendable (inout OdigosConfiguration) -> Void = { _ in }
    var outcome: Outcome
    var testDescription: String { title }
  }

  static func pod(
    _ hash: String = "h", madeAt created: Int = 1000, started: Bool = true, unreadySince: Int? = nil,
    _ trouble: PodTrouble? = nil, failedAt: Int? = nil
  ) -> PodFacts {
    PodFacts(
      name: "web-\(hash)-\(created)", hash: hash, createdAt: created, isStarted: started,
      readiness: unreadySince.map { .unready(since: $0) } ?? .ready(since: created), trouble: trouble,
      lastFailure: failedAt)
  }
  static func crashing(_ hash: String = "h", madeAt created: Int = 1000) -> PodFacts {
    pod(hash, madeAt: created, unreadySince: created, .crashLoop)
  }

  static let cases = [
    Case(title: "all is well", pods: [pod()], outcome: .keep),
    Case(title: "crash loop within the grace time", pods: [crashing()], now: 1100, outcome: .watch(200)),
    Case(title: "crash loop after the grace time", pods: [pod(), crashing()], outcome: .rollBack(.crashLoopBackOff)),
    Case(
      title: "the grace time begins with the first pod", pods: [pod(), crashing(madeAt: 1299)],
      outcome: .rollBack(.crashLoopBackOff)),
    Case(
      title: "image cannot be pulled", pods: [pod("h", unreadySince: 1000, .imagePull)],
      outcome: .rollBack(.imagePullBackOff)),
    Case(title: "after the stability window", pods: [crashing()], now: 4601, outcome: .keep),
    Case(
      title: "at the end of the stability window", pods: [crashing()], now: 4600,
      outcome: .rollBack(.crashLoopBackOff)),
    Case(title: "rollback is off", pods: [crashing()], change: { $0.rollbackDisabled = true }, outcome: .keep),
    Case(
      title: "no grace", pods: [crashing()], now: 1000, change: { $0.rollbackGraceTime = .seconds(0) },
      outcome: .rollBack(.crashLoopBackOff)),
    Case(title: "a plain pod crashes", pods: [crashing(""), pod()], outcome: .keep),
    Case(title: "a pod with agents of before crashes", pods: [crashing("old"), pod()], outcome: .keep),
    Case(title: "nothing is injected", pods: [crashing("")], hash: "", outcome: .keep),
    Case(title: "not instrumented yet", pods: [crashing()], instrumentedAt: nil, outcome: .keep),
    // Readiness.
    Case(
      title: "never became ready", pods: [pod("h", unreadySince: 1000), pod("")], outcome: .rollBack(.readinessLost)),
    Case(
      title: "between two crashes", pods: [pod("h", unreadySince: 1000, failedAt: 1290), pod("")], outcome: .watch(2)),
    Case(
      title: "failed once, and has not become ready since", pods: [pod("h", unreadySince: 1000, failedAt: 1001)],
      now: 1301, outcome: .rollBack(.readinessLost)),
    Case(title: "not ready for a short time", pods: [pod("h", unreadySince: 1200)], outcome: .watch(200)),
    Case(
      title: "one of them was ready lately", pods: [pod("h", unreadySince: 1000), pod("h", unreadySince: 1250)],
      outcome: .watch(250)),
    Case(title: "one of them is ready", pods: [pod("h", unreadySince: 1000), pod()], outcome: .keep),
    Case(
      title: "ready, and lost it", pods: [pod("h", unreadySince: 2000)], now: 2300, outcome: .rollBack(.readinessLost)
    ),
    Case(
      title: "the pods were not ready before", pods: [pod("h", unreadySince: 1000)], wasReadyBefore: false,
      outcome: .keep),
    Case(
      title: "those without agents are not ready either",
      pods: [pod("h", unreadySince: 1000), pod("", unreadySince: 1000)], outcome: .keep),
    Case(title: "waits for a node", pods: [pod("h", started: false, unreadySince: 1000)], outcome: .keep),
    Case(
      title: "some wait for a node",
      pods: [pod("h", started: false, unreadySince: 1290), pod("h", unreadySince: 1000)],
      outcome: .rollBack(.readinessLost)),
  ]

  @Test(arguments: cases) func decides(_ item: Case) {
    var configuration = OdigosConfiguration()
    item.change(&configuration)
    let verdict = Rollback.decide(
      RollbackFacts(
        pods: item.pods, hash: item.hash, instrumentedAt: item.instrumentedAt, wasReadyBefore: item.wasReadyBefore,
        now: item.now, configuration: configuration))
    let outcome: Outcome =
      switch verdict {
      case .keep: .keep
      case .watch(let seconds): .watch(seconds)
      case .rollBack(let reason): .rollBack(reason.code)
      }
    #expect(outcome == item.outcome)
    if case .rollBack(let reason) = verdict { #expect(reason.message.contains("odigos.io/rollback-recovery")) }
  }

  @Test func podsThatCrashByThemselvesGetNoAgents() {
    let crashed = PodFacts(name: "web", lastCrash: 900)
    #expect(Rollback.withholding([Self.pod(""), Self.crashing("")], now: 1000)?.code == .crashLoopBackOff)
    #expect(Rollback.withholding([crashed], now: 1000)?.code == .crashLoopBackOff, "it runs between two crashes")
    #expect(Rollback.withholding([crashed], now: 1200) == nil)
    #expect(Rollback.withholding([Self.pod(""), Self.crashing("h")], now: 1000) == nil)
    #expect(
      Rollback.withholding([Self.pod("", unreadySince: 0, .imagePull)], now: 1000)?.message.contains("web--1000")
        == true)
  }
}
