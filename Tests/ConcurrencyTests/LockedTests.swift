import Concurrency
import Testing

struct LockedTests {
  private struct Failure: Error {}

  @Test func changesOfManyThreadsAllArrive() async {
    let counter = Locked(0)
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<8 {
        group.addTask { for _ in 0..<10_000 { counter.withLock { $0 += 1 } } }
      }
    }
    #expect(counter.withLock { $0 } == 80_000)
  }

  @Test func aThrowingBodyGivesTheLockBack() {
    let locked = Locked([1])
    #expect(throws: Failure.self) {
      try locked.withLock { value throws(Failure) in
        value.append(2)
        throw Failure()
      }
    }
    #expect(locked.withLock { $0 } == [1, 2])
  }
}
