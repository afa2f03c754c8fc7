import Testing

@testable import Odiglet

@Suite struct InspectionScheduleTests {
  @Test func looksSoonAndOftenThenSeldomThenNotAtAll() {
    var schedule = InspectionSchedule()
    var now = Duration.zero
    var times: [Duration] = []
    var reported: Duration?
    while times.count < 1000 {
      switch schedule.decision("c", at: now) {
      case .inspect:
        times.append(now)
        if schedule.noteOpen("c", at: now) >= InspectionSchedule.patience, reported == nil { reported = now }
      case .wait(let delay): now += delay
      case .leave:
        #expect(times.prefix(3) == [.zero, .milliseconds(250), .milliseconds(750)])
        #expect(times.count < 30)
        #expect(reported.map { $0 >= InspectionSchedule.patience && $0 < .seconds(60) } == true)
        return
      }
    }
    Issue.record("it never ends")
  }

  @Test func whatDoesNotAnswerIsLookedAtWithoutEnd() {
    var schedule = InspectionSchedule()
    var now = Duration.zero
    _ = schedule.noteOpen("c", at: now)
    var pauses: [Duration] = []
    while now < .seconds(3600) {
      now += schedule.noteSilence("c", at: now)
      #expect(schedule.decision("c", at: now) == .inspect)
      if case .wait(let delay) = schedule.decision("c", at: now - .seconds(1)) { pauses.append(delay) }
    }
    #expect(pauses.allSatisfy { $0 == .seconds(1) } && pauses.count > 60)
    // An answer says nothing of the time before, and a container without end is one no more.
    #expect(schedule.noteOpen("c", at: now) == .zero)
    now += .seconds(15)
    #expect(schedule.noteOpen("c", at: now) == .seconds(15))
    for _ in 0..<100 {
      guard case .wait(let delay) = schedule.decision("c", at: now) else { break }
      now += delay
      _ = schedule.noteOpen("c", at: now)
    }
    #expect(schedule.decision("c", at: now + .seconds(1000)) == .leave)
  }

  @Test func aRuntimeThatDoesNotAnswerIsAskedWithoutEnd() {
    var schedule = InspectionSchedule()
    var now = Duration.zero
    var looks = 0
    while now < .seconds(7200) {
      _ = schedule.noteOpen("c", isAnswered: false, at: now)
      looks += 1
      guard case .wait(let delay) = schedule.decision("c", at: now) else {
        Issue.record("it is left")
        return
      }
      #expect(delay <= InspectionSchedule.longestPause)
      now += delay
    }
    #expect(looks < 60)
  }

  @Test func beginsAnewForAnotherContainer() {
    var schedule = InspectionSchedule()
    #expect(!schedule.isFollowed("a"))
    let elapsed = schedule.noteOpen("a", at: .zero)
    #expect(elapsed == .zero)
    #expect(schedule.isFollowed("a"))
    #expect(schedule.decision("a", at: .zero) == .wait(.milliseconds(250)))
    #expect(schedule.decision("b", at: .zero) == .inspect)
    schedule.keep(only: ["b"])
    #expect(schedule.decision("a", at: .zero) == .inspect)
  }

  @Test func leavesWhatIsCertainAloneUntilItChanges() {
    var schedule = InspectionSchedule()
    schedule.noteCertain("a", at: .zero)
    #expect(schedule.decision("a", at: .seconds(100_000)) == .leave)
    let delay = schedule.noteChange("a", at: .seconds(100_000))
    #expect(delay == InspectionSchedule.settling)
    #expect(schedule.decision("a", at: .seconds(100_000)) == .wait(delay))
    #expect(schedule.decision("a", at: .seconds(100_000) + delay) == .inspect)
    schedule.noteCertain("a", at: .seconds(100_001))
    #expect(schedule.decision("a", at: .seconds(100_001)) == .leave)
  }

  @Test func looksAtAChangeThoughItHasNeverLooked() {
    var schedule = InspectionSchedule()
    let delay = schedule.noteChange("a", at: .zero)
    #expect(delay == InspectionSchedule.settling)
    #expect(schedule.isFollowed("a"))
    #expect(schedule.decision("a", at: delay) == .inspect)
  }

  /// A probe that starts a program every 10 seconds for a day.
  @Test func looksEverMoreSeldomAtChangesThatBringNothing() {
    var schedule = InspectionSchedule()
    schedule.noteCertain("a", at: .zero)
    var looks = 0
    for second in stride(from: 10, to: 86_400, by: 10) {
      _ = schedule.noteChange("a", at: .seconds(second))
      for part in 0..<10 where schedule.decision("a", at: .seconds(second + part)) == .inspect {
        looks += 1
        schedule.noteCertain("a", at: .seconds(second + part))
      }
    }
    #expect((100...200).contains(looks), "\(looks)")
    // Something new makes it attentive again.
    _ = schedule.noteChange("a", at: .seconds(90_000))
    schedule.noteCertain("a", isNews: true, at: .seconds(90_001))
    #expect(schedule.noteChange("a", at: .seconds(90_001)) == InspectionSchedule.leastGap)
  }

  /// How long it has been uncertain counts from when it last was certain.
  @Test func whatWasCertainGetsItsTimeAgain() {
    var schedule = InspectionSchedule()
    let first = schedule.noteOpen("a", at: .zero)
    schedule.noteCertain("a", language: "python", at: .seconds(5))
    #expect(first == .zero)
    #expect(schedule.certainLanguage("a") == "python")
    _ = schedule.noteChange("a", at: .seconds(1000))
    var now = Duration.seconds(1000)
    var reported: Duration?
    while reported == nil {
      switch schedule.decision("a", at: now) {
      case .inspect:
        if schedule.noteOpen("a", at: now) >= InspectionSchedule.takingBack { reported = now - .seconds(1000) }
        #expect(schedule.certainLanguage("a") == nil)
      case .wait(let delay): now += delay
      case .leave:
        Issue.record("it is never taken back")
        return
      }
    }
    #expect(reported.map { $0 >= InspectionSchedule.takingBack && $0 <= InspectionSchedule.limit } == true)
  }

  @Test func aChangeDoesNotPutOffALookThatIsDue() {
    var schedule = InspectionSchedule()
    _ = schedule.noteOpen("a", at: .zero)
    _ = schedule.noteChange("a", at: .milliseconds(100))
    #expect(schedule.decision("a", at: .milliseconds(250)) == .inspect)
  }
}

@Suite struct WatchPaceTests {
  @Test func restsLongerWhereNothingChanges() {
    var pace = WatchPace(hasEvents: false)
    var rests: [Duration] = []
    for _ in 0..<6 {
      #expect(pace.isLookDue(at: .zero))
      rests.append(pace.rest)
      pace.rested(foundChanges: false, at: .zero)
    }
    #expect(rests == [4, 8, 16, 32, 32, 32].map { Duration.seconds($0) })
    pace.rested(foundChanges: true, at: .zero)
    #expect(pace.rest == .seconds(4))
  }

  @Test func looksSeldomBesideEvents() {
    var pace = WatchPace(hasEvents: true)
    var looks = 0
    for second in 0..<600 {
      #expect(pace.rest == .seconds(1))
      if pace.isLookDue(at: .seconds(second)) { looks += 1 }
      pace.rested(foundChanges: second % 2 == 0, at: .seconds(second))
    }
    #expect(looks == 10)
    pace.wantsLook()
    #expect(pace.isLookDue(at: .seconds(600)))
  }

  /// What is executed is compared at first and after events were lost, and where they always are, as often as without.
  @Test func looksWhollyWhereEventsWereLost() {
    var pace = WatchPace(hasEvents: true)
    #expect(pace.isFullLookDue)
    pace.rested(foundChanges: false, at: .seconds(1))
    #expect(!pace.isFullLookDue && !pace.isLookDue(at: .seconds(2)))
    var looks: [Int] = []
    for second in 2...100 {
      pace.wantsLook()
      if pace.isLookDue(at: .seconds(second)) {
        looks.append(second)
        #expect(pace.isFullLookDue)
      }
      pace.rested(foundChanges: second > 80, at: .seconds(second))
    }
    #expect(looks == [5, 13, 29, 61, 93, 97])
    var polling = WatchPace(hasEvents: false)
    polling.rested(foundChanges: false, at: .seconds(4))
    #expect(polling.isFullLookDue && polling.isLookDue(at: .seconds(5)))
  }
}
