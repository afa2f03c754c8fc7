import Concurrency
import Glibc
import TestSupport
import Testing

@Suite struct BlockingWorkTests {
  /// A pipe that nobody writes into until it is closed.
  private final class Obstacle: Sendable {
    private let ends: (Int32, Int32)

    init() throws {
      var ends: [Int32] = [-1, -1]
      try #require(pipe(&ends) == 0)
      self.ends = (ends[0], ends[1])
    }

    func wait() {
      var byte: UInt8 = 0
      _ = read(ends.0, &byte, 1)
    }

    func remove() { close(ends.1) }

    deinit { close(ends.0) }
  }

  @Test func answers() async {
    let work = BlockingWork()
    for number in 0..<100 { #expect(await work.run("a") { number } == number) }
    #expect(work.goingOn.isEmpty)
  }

  @Test func whatDoesNotEndHoldsNobodyUp() async throws {
    let work = BlockingWork(patience: .milliseconds(500), maximum: 1, maximumHanging: 2)
    let obstacle = try Obstacle()
    #expect(await work.run("stuck") { obstacle.wait() } == nil)
    #expect(work.goingOn == ["stuck"])
    #expect(await work.run("other") { 1 } == 1)
    // It is not begun a second time, what hangs leaves room for others, and only so many hang.
    #expect(await work.run("stuck") { 1 } == nil)
    #expect(await work.run("stuck too") { obstacle.wait() } == nil)
    #expect(await work.run("other") { 1 } == nil)
    obstacle.remove()
    try await eventually("what was held up has ended") { work.goingOn.isEmpty }
    #expect(await work.run("stuck") { 1 } == 1)
  }
}
