import Testing

@testable import Odiglet

/// The order and the pace of writes, by a clock of the tests' own.
struct WriteScheduleTests {
  typealias Schedule = WriteSchedule<Int>
  typealias Urgency = Schedule.Urgency

  /// A schedule whose writes take no time.
  private struct Course {
    var schedule = Schedule(now: .zero)
    var now = Duration.zero
    var written: [(key: Int, at: Duration)] = []

    mutating func ask(_ keys: some Sequence<Int>, _ urgency: Urgency) {
      for key in keys { schedule.ask(key, urgency) }
    }

    /// Writes whatever it is the turn of until then.
    mutating func run(until end: Duration) {
      while true {
        let keys = schedule.grant(at: now)
        for key in keys {
          written.append((key, now))
          schedule.finish(key)
        }
        guard keys.isEmpty else { continue }
        guard let next = schedule.delay(at: now), now + next.delay <= end else { break }
        now += max(next.delay, .milliseconds(1))
      }
      now = max(now, end)
    }

    /// When each of them had been written; nil where one was not.
    func time(of keys: Range<Int>) -> Duration? {
      let firsts = Dictionary(written.map { ($0.key, $0.at) }) { first, _ in first }.filter { keys.contains($0.key) }
      return firsts.count == keys.count ? firsts.values.max() : nil
    }
  }

  @Test func fourHundredThatStartWithinFiveSecondsAreWrittenWithinEightAlthoughRulesChange() throws {
    var course = Course()
    for tenth in 0..<50 {
      course.ask(tenth * 8..<tenth * 8 + 8, .new)
      course.run(until: .milliseconds(tenth * 100))
      if tenth % 25 == 24 { course.ask(1000..<1400, .details) }
    }
    course.run(until: .seconds(60))
    #expect(try #require(course.time(of: 0..<400)) < .seconds(8))
    #expect(course.time(of: 1000..<1400) != nil)
  }

  @Test func fourHundredThatFailTogetherAreToldOfWithinEightSecondsAlthoughARuleHasJustChanged() throws {
    var course = Course()
    course.ask(1000..<1400, .details)
    course.run(until: .milliseconds(100))
    course.ask(0..<400, .unhealthy)
    course.run(until: .seconds(60))
    #expect(try #require(course.time(of: 0..<400)) < .seconds(8))
  }

  @Test func inTheLongRunThereAreFortyASecond() {
    var course = Course()
    course.ask(0..<4000, .new)
    course.run(until: .seconds(50))
    #expect((2190...2201).contains(course.written.count), "\(course.written.count)")
  }

  @Test func detailsHaveASmallBurst() {
    var course = Course()
    course.ask(0..<1000, .details)
    course.run(until: .zero)
    #expect((50...56).contains(course.written.count), "\(course.written.count)")
    course.ask(2000..<3000, .unhealthy)
    course.run(until: .zero)
    #expect(course.written.count == 200)
  }

  @Test func goesByUrgencyAndThenByTime() {
    var schedule = Schedule(now: .zero)
    for (key, urgency) in zip(0..., [Urgency.details, .new, .better, .gone, .unhealthy, .new, .gone, .unhealthy]) {
      schedule.ask(key, urgency)
    }
    #expect(take(8, of: &schedule) == [4, 7, 3, 6, 2, 1, 5, 0])
  }

  @Test func everyTenthIsForWhoeverHasWaitedLongest() {
    var schedule = Schedule(now: .zero)
    schedule.ask(100, .details)
    schedule.ask(101, .new)
    for key in 0..<40 { schedule.ask(key, .unhealthy) }
    let order = take(22, of: &schedule)
    #expect(order[9] == 100)
    #expect(order[19] == 101)
    #expect(order.filter { $0 < 100 } == Array(0..<20))
  }

  @Test func whoAsksAgainKeepsItsPlaceAndWhoseUrgencyChangesGetsAnotherOne() {
    var schedule = Schedule(now: .zero)
    for key in 0..<4 { schedule.ask(key, .new) }
    schedule.ask(0, .new)
    schedule.ask(3, .unhealthy)
    schedule.ask(2, .details)
    schedule.withdraw(1)
    #expect(schedule.count == 3)
    #expect(take(4, of: &schedule) == [3, 0, 2])
    #expect(schedule.count == 0)
  }

  @Test func whoHasLeftAndComesBackHasItsTurnOnce() {
    var schedule = Schedule(now: .zero)
    for _ in 0..<200 {
      schedule.ask(1, .details)
      schedule.withdraw(1)
      schedule.ask(1, .new)
    }
    schedule.ask(2, .new)
    #expect(take(3, of: &schedule) == [1, 2])
  }

  @Test func fourAreWrittenAtATime() {
    var schedule = Schedule(now: .zero)
    for key in 0..<6 { schedule.ask(key, .new) }
    #expect(schedule.grant(at: .zero) == [0, 1, 2, 3])
    #expect(schedule.delay(at: .zero) == nil)
    // Whose turn it is cannot ask for another one.
    schedule.ask(0, .unhealthy)
    #expect(schedule.grant(at: .seconds(9)).isEmpty)
    schedule.finish(2)
    #expect(schedule.grant(at: .seconds(9)) == [4])
    #expect(schedule.isGranted(4))
    #expect(!schedule.isGranted(2))
  }

  /// The keys whose turn it is, one after the other, as long as there is something to be had at once.
  private func take(_ count: Int, of schedule: inout Schedule) -> [Int] {
    var keys: [Int] = []
    while keys.count < count {
      let granted = schedule.grant(at: .zero)
      if granted.isEmpty { break }
      for key in granted { schedule.finish(key) }
      keys += granted
    }
    return Array(keys.prefix(count))
  }
}
