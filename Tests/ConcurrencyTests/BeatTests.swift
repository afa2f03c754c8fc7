import Testing

@testable import Concurrency

@Suite struct BeatTests {
  @Test(
    arguments: [
      (.seconds(1), .zero, .seconds(1)), (.seconds(1), .milliseconds(999), .seconds(1)),
      (.seconds(1), .seconds(1), .seconds(2)), (.seconds(4), .seconds(9), .seconds(12)),
      (.milliseconds(500), .milliseconds(1700), .seconds(2)), (.zero, .seconds(3), .seconds(3)),
    ] as [(Duration, Duration, Duration)])
  func isTheNextMultiple(interval: Duration, elapsed: Duration, next: Duration) {
    #expect(Beat.next(interval, after: elapsed) == next)
  }

  @Test func thoseWhoWaitAreWokenTogetherAndInTime() async {
    let begin = ContinuousClock.now
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<10 { group.addTask { await Beat.next(.milliseconds(50)) } }
    }
    #expect(ContinuousClock.now > begin)
  }

  @Test func aCancelledTaskDoesNotWait() async {
    let task = Task { await Beat.next(.seconds(100_000)) }
    task.cancel()
    await task.value
  }
}
