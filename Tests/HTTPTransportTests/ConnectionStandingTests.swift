import EventLoop
import Testing

@testable import HTTPTransport

private func at(_ milliseconds: UInt64) -> MonotonicInstant { MonotonicInstant(nanoseconds: milliseconds * 1_000_000) }

struct ConnectionStandingTests {
  @Test(
    arguments: [
      ([], nil),
      ([.busy, .busy], nil),
      ([.busy, .idle(since: at(0)), .over], 2),
      ([.idle(since: at(50)), .idle(since: at(20)), .busy], 1),
      // slow ones before idle ones
      ([.idle(since: at(0)), .owes(since: at(8000))], 1),
      // but not before they have had a second
      ([.idle(since: at(0)), .owes(since: at(9500))], 0),
      // the oldest of the slow
      ([.owes(since: at(9900)), .owes(since: at(9800)), .owes(since: at(9950))], 1),
      ([.owes(since: at(7000)), .owes(since: at(6000)), .busy], 1),
    ] as [([ConnectionStanding], Int?)])
  func theLeastUsefulMakesRoom(standings: [ConnectionStanding], place: Int?) {
    #expect(ConnectionStanding.leastUseful(standings, at: at(10_000)) == place)
  }
}

struct IdleClockTests {
  private let limits = {
    var limits = HTTPLimits()
    limits.idleTimeout = .milliseconds(1000)
    limits.requestTimeout = .milliseconds(100)
    return limits
  }()

  @Test func idleConnectionsAreToldAndThenClosed() {
    var clock = IdleClock(at(0))
    #expect(clock.verdict(requests: 0, isIdle: true, limits: limits, at: at(999)) == .stay)
    #expect(clock.verdict(requests: 0, isIdle: true, limits: limits, at: at(1000)) == .drain)
    #expect(clock.verdict(requests: 0, isIdle: true, limits: limits, at: at(1099)) == .stay)
    #expect(clock.verdict(requests: 0, isIdle: true, limits: limits, at: at(1100)) == .close)
  }

  @Test func requestsStartTheClockAnewAlsoWhenNobodySawThem() {
    var clock = IdleClock(at(0))
    #expect(clock.verdict(requests: 1, isIdle: true, limits: limits, at: at(900)) == .stay)
    #expect(clock.verdict(requests: 1, isIdle: true, limits: limits, at: at(1899)) == .stay)
    #expect(clock.verdict(requests: 1, isIdle: false, limits: limits, at: at(1900)) == .stay)
    #expect(clock.verdict(requests: 1, isIdle: true, limits: limits, at: at(2899)) == .stay)
    #expect(clock.verdict(requests: 1, isIdle: true, limits: limits, at: at(2900)) == .drain)
  }
}
