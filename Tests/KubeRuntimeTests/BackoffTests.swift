import KubeRuntime
import Testing

@Suite struct BackoffTests {
  @Test func doublesUpToTheMaximum() {
    var backoff = Backoff(initial: .milliseconds(100), maximum: .seconds(60))
    let waits = (0..<12).map { _ in backoff.next(random: 0.9) }
    let expected = [100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 51200, 60000, 60000]
    #expect(waits == expected.map { .milliseconds($0) })
  }

  @Test func addsJitter() {
    var backoff = Backoff(initial: .seconds(1), maximum: .seconds(30), jitter: 1)
    #expect(backoff.next(random: 0.5) == .milliseconds(1500))
    #expect(backoff.next(random: 0) == .seconds(2))
  }

  @Test func beginsAgainAfterSuccess() {
    var backoff = Backoff(initial: .seconds(1), maximum: .seconds(30))
    for _ in 0..<100 { _ = backoff.next(random: 0) }
    #expect(backoff.next(random: 0) == .seconds(30))
    backoff.reset()
    #expect(backoff.next(random: 0) == .seconds(1))
  }
}
