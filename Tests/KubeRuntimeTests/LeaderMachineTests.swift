import JSON
import KubeClient
import KubeRuntime
import Testing

private typealias Action = LeaderMachine.Action

private let timing = LeaderMachine.Timing(lease: .seconds(30), renewDeadline: .seconds(20), retry: .seconds(5))
private let wall = KubeTime(microseconds: 1_700_000_000_000_000)
private let earlier = KubeTime(microseconds: 1_600_000_000_000_000)

private func record(_ holder: String, transitions: Int = 0, renewed: KubeTime = wall, acquired: KubeTime = wall)
  -> LeaseRecord
{
  LeaseRecord(
    holder: holder, durationSeconds: 30, acquired: acquired, renewed: renewed, transitions: transitions)
}

/// A machine named "me" and a clock that only the test moves.
private struct Election {
  var machine = LeaderMachine(identity: "me", timing: timing)
  var now = ContinuousClock.now

  mutating func after(_ seconds: Double, _ event: LeaderMachine.Event) -> [Action] {
    now += .seconds(seconds)
    return machine.receive(event, at: now, wall: wall, random: 0)
  }

  /// Leads since now.
  static func leading() -> Election {
    var election = Election()
    _ = election.after(0, .due)
    _ = election.after(0, .absent)
    _ = election.after(0, .written(record("me"), version: "1"))
    return election
  }
}

@Suite struct LeaderMachineTests {
  @Test func createsTheLease() {
    var election = Election()
    #expect(election.after(0, .due) == [.read(timeout: .seconds(20))])
    #expect(election.after(0, .absent) == [.create(record("me"), timeout: .seconds(20))])
    #expect(election.after(0, .written(record("me"), version: "1")) == [.lead, .wait(.seconds(5))])
    #expect(election.machine.isLeading)
  }

  @Test func renewsWithoutReading() {
    var election = Election.leading()
    #expect(
      election.after(5, .due) == [.replace(record("me"), version: "1", timeout: .seconds(15))])
    #expect(election.after(0, .written(record("me"), version: "2")) == [.wait(.seconds(5))])
    #expect(election.after(5, .due) == [.replace(record("me"), version: "2", timeout: .seconds(15))])
  }

  @Test func waitsForAnothersLeaseByItsOwnClock() {
    var election = Election()
    // The record's times are far in the past; what counts is that it was seen just now.
    let others = record("other", transitions: 3, renewed: earlier)
    _ = election.after(0, .due)
    #expect(election.after(0, .found(others, version: "7")) == [.wait(.seconds(5))])
    #expect(election.after(5, .due) == [.read(timeout: .seconds(20))])
    #expect(election.after(0, .found(others, version: "7")) == [.wait(.seconds(5))])
    #expect(election.after(24, .due) == [.read(timeout: .seconds(20))])
    #expect(election.after(0, .found(others, version: "7")) == [.wait(.seconds(5))])
    #expect(election.after(2, .due) == [.read(timeout: .seconds(20))])
    #expect(
      election.after(0, .found(others, version: "7"))
        == [.replace(record("me", transitions: 4), version: "7", timeout: .seconds(20))])
  }

  @Test func aRenewalOfTheOtherStartsTheWaitAnew() {
    var election = Election()
    _ = election.after(0, .due)
    _ = election.after(0, .found(record("other", renewed: earlier), version: "7"))
    _ = election.after(25, .due)
    #expect(election.after(0, .found(record("other"), version: "8")) == [.wait(.seconds(5))])
    _ = election.after(20, .due)
    #expect(election.after(0, .found(record("other"), version: "8")) == [.wait(.seconds(5))])
  }

  @Test func takesAReleasedLeaseAtOnce() {
    var election = Election()
    _ = election.after(0, .due)
    #expect(
      election.after(0, .found(record("", transitions: 2), version: "7"))
        == [.replace(record("me", transitions: 3), version: "7", timeout: .seconds(20))])
  }

  @Test(arguments: [0.0, 0.5, 0.99]) func looksOftenWhileAnotherLeads(_ random: Double) {
    var machine = LeaderMachine(
      identity: "me",
      timing: LeaderMachine.Timing(
        lease: .seconds(30), renewDeadline: .seconds(20), retry: .seconds(5), look: .seconds(1)))
    let now = ContinuousClock.now
    _ = machine.receive(.due, at: now, wall: wall, random: random)
    let actions = machine.receive(.found(record("other"), version: "7"), at: now, wall: wall, random: random)
    guard case .wait(let pause)? = actions.first, actions.count == 1 else {
      Issue.record("\(actions)")
      return
    }
    #expect(pause >= .seconds(1) && pause <= .seconds(1.2))
    // A server that does not answer is not asked more often than by those who lead.
    _ = machine.receive(.due, at: now, wall: wall, random: random)
    #expect(
      machine.receive(.failed(isConflict: false), at: now, wall: wall, random: 0) == [.wait(.seconds(5))])
  }

  @Test func takesItsOwnLeaseBackAfterARestart() {
    var election = Election()
    _ = election.after(0, .due)
    #expect(
      election.after(0, .found(record("me", transitions: 2, renewed: earlier, acquired: earlier), version: "7"))
        == [.replace(record("me", transitions: 2, acquired: earlier), version: "7", timeout: .seconds(20))])
  }

  @Test func losingTheRaceForALeaseIsNoHarm() {
    var election = Election()
    _ = election.after(0, .due)
    _ = election.after(0, .absent)
    #expect(election.after(0, .failed(isConflict: true)) == [.wait(.seconds(5))])
    #expect(!election.machine.isLeading)
  }

  @Test func stepsDownWhenTheDeadlinePasses() {
    var election = Election.leading()
    #expect(election.after(5, .due) == [.replace(record("me"), version: "1", timeout: .seconds(15))])
    #expect(election.after(10, .failed(isConflict: false)) == [.wait(.seconds(5))])
    #expect(election.after(3, .due) == [.replace(record("me"), version: "1", timeout: .seconds(2))])
    #expect(election.after(1, .failed(isConflict: false)) == [.wait(.seconds(1))])
    #expect(election.after(1, .due) == [.stepDown, .wait(.seconds(5))])
    #expect(!election.machine.isLeading)
    #expect(election.after(5, .due) == [.read(timeout: .seconds(20))])
  }

  @Test func theDeadlineCountsFromBeforeTheRequest() {
    var election = Election.leading()
    _ = election.after(5, .due)
    // The answer took 14 s: the lease was renewed at the earliest when the request began.
    #expect(election.after(14, .written(record("me"), version: "2")) == [.wait(.seconds(5))])
    #expect(election.after(5, .due) == [.replace(record("me"), version: "2", timeout: .seconds(1))])
  }

  @Test func looksWhoWroteAfterAConflict() {
    var election = Election.leading()
    _ = election.after(5, .due)
    #expect(election.after(0, .failed(isConflict: true)) == [.read(timeout: .seconds(15))])
    #expect(
      election.after(0, .found(record("me"), version: "9"))
        == [.replace(record("me"), version: "9", timeout: .seconds(15))])
    _ = election.after(0, .failed(isConflict: true))
    #expect(election.after(0, .found(record("other"), version: "10")) == [.stepDown, .wait(.seconds(5))])
  }

  @Test func releasesOnResigning() {
    var election = Election.leading()
    let released = LeaseRecord(holder: "", durationSeconds: 1, acquired: wall, renewed: wall)
    #expect(election.after(0, .resign) == [.stepDown, .replace(released, version: "1", timeout: .seconds(5))])
    #expect(election.after(0, .failed(isConflict: true)) == [.read(timeout: .seconds(5))])
    #expect(
      election.after(0, .found(record("me"), version: "2")) == [.replace(released, version: "2", timeout: .seconds(5))])
    #expect(election.after(0, .written(released, version: "3")) == [])
  }

  @Test func looksBeforeReleasingWhatSomebodyMayHaveTaken() {
    var election = Election.leading()
    _ = election.after(5, .due)
    #expect(election.after(0, .failed(isConflict: true)) == [.read(timeout: .seconds(15))])
    // The process ends before that look is answered.
    #expect(election.after(0, .resign) == [.stepDown, .read(timeout: .seconds(5))])
    let released = LeaseRecord(holder: "", durationSeconds: 1, acquired: wall, renewed: wall)
    #expect(
      election.after(0, .found(record("me"), version: "9")) == [.replace(released, version: "9", timeout: .seconds(5))])
  }

  @Test func looksBeforeReleasingWhatItMayHaveWon() {
    var election = Election()
    _ = election.after(0, .due)
    _ = election.after(0, .absent)
    _ = election.after(0, .failed(isConflict: false))
    #expect(election.after(0, .resign) == [.read(timeout: .seconds(5))])
    #expect(election.after(0, .found(record("other"), version: "2")) == [])
  }

  @Test func aFollowerHasNothingToRelease() {
    var election = Election()
    _ = election.after(0, .due)
    _ = election.after(0, .found(record("other"), version: "7"))
    #expect(election.after(0, .resign) == [])
  }

  @Test func recordsAreReadAndWrittenWithMicroseconds() {
    let original = LeaseRecord(
      holder: "me", durationSeconds: 30, acquired: KubeTime(microseconds: 1_700_000_000_000_001),
      renewed: KubeTime(microseconds: 1_700_000_000_500_000), transitions: 4)
    var spec: JSONValue = ["preferredHolder": "x"]
    original.write(to: &spec)
    #expect(spec["acquireTime"]?.string == "2023-11-14T22:13:20.000001Z")
    #expect(spec["preferredHolder"]?.string == "x")
    #expect(LeaseRecord(spec: spec) == original)
  }
}
