import KubeRuntime
import Testing

@Suite struct WorkQueueTests {
  private let start = ContinuousClock.now

  @Test func aKeyWaitsAtMostOnceAndInOrder() {
    var queue = WorkQueue<String>()
    for key in ["a", "b", "a", "c", "b"] { queue.add(key) }
    #expect(queue.count == 3)
    #expect((0..<4).map { _ in queue.take(at: start) } == ["a", "b", "c", nil])
  }

  @Test func aKeyNeverRunsTwiceAtOnce() {
    var queue = WorkQueue<String>()
    queue.add("a")
    #expect(queue.take(at: start) == "a")
    queue.add("a")
    queue.add("a")
    #expect(queue.take(at: start) == nil)
    queue.finish("a", .done, at: start)
    #expect(queue.take(at: start) == "a")
    queue.finish("a", .done, at: start)
    #expect(queue.take(at: start) == nil)
  }

  @Test func failuresBackOffFromATenthOfASecondToAMinute() {
    var queue = WorkQueue<String>()
    var now = start
    var waits: [Duration] = []
    queue.add("a")
    for _ in 0..<12 {
      #expect(queue.take(at: now) == "a")
      queue.finish("a", .failed, at: now)
      guard let due = queue.nextDue else { return #expect(Bool(false), "nothing is due") }
      waits.append(due - now)
      #expect(queue.take(at: due - .milliseconds(1)) == nil)
      now = due
    }
    let expected = [100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 51200, 60000, 60000]
    #expect(waits == expected.map { .milliseconds($0) })
    #expect(queue.take(at: now) == "a")
    queue.finish("a", .done, at: now)
    queue.add("a")
    #expect(queue.take(at: now) == "a")
    queue.finish("a", .failed, at: now)
    #expect(queue.nextDue == now + .milliseconds(100))
  }

  @Test func backoffIsPerKey() {
    var queue = WorkQueue<String>()
    for key in ["a", "b"] { queue.add(key) }
    #expect(queue.take(at: start) == "a")
    queue.finish("a", .failed, at: start)
    #expect(queue.take(at: start) == "b")
    queue.finish("b", .failed, at: start)
    let later = start + .milliseconds(100)
    #expect(Set([queue.take(at: later), queue.take(at: later)]) == ["a", "b"])
  }

  @Test func aChangeWhileRunningIsWorthMoreThanTheWait() {
    var queue = WorkQueue<String>()
    queue.add("a")
    #expect(queue.take(at: start) == "a")
    queue.add("a")
    queue.finish("a", .failed, at: start)
    #expect(queue.take(at: start) == "a")
  }

  @Test func aChangeWhileDelayedIsWorthMoreThanTheWait() {
    var queue = WorkQueue<String>()
    queue.add("a")
    #expect(queue.take(at: start) == "a")
    queue.finish("a", .requeue(after: .seconds(600)), at: start)
    #expect(queue.nextDue == start + .seconds(600))
    queue.add("a")
    #expect(queue.nextDue == nil)
    #expect(queue.take(at: start) == "a")
    queue.finish("a", .done, at: start)
    #expect(queue.take(at: start + .seconds(1000)) == nil)
  }

  @Test func theSoonerOfTwoTimesCounts() {
    var queue = WorkQueue<String>()
    queue.add("a", at: start + .seconds(10))
    queue.add("a", at: start + .seconds(5))
    queue.add("a", at: start + .seconds(20))
    queue.add("b", at: start + .seconds(7))
    #expect(queue.nextDue == start + .seconds(5))
    #expect(queue.take(at: start + .seconds(5)) == "a")
    #expect(queue.nextDue == start + .seconds(7))
    #expect(queue.take(at: start + .seconds(5)) == nil)
  }

  @Test func manyKeysPassThrough() {
    var queue = WorkQueue<Int>()
    for round in 0..<10 {
      for key in 0..<1000 { queue.add(round * 1000 + key) }
      for key in 0..<1000 {
        #expect(queue.take(at: start) == round * 1000 + key)
        queue.finish(round * 1000 + key, .done, at: start)
      }
    }
    #expect(queue.count == 0)
  }
}
