import Concurrency
import Glibc
import Synchronization
import Testing

@testable import EventLoop

struct EventLoopTests {
  @Test func bodiesRunInOrderOnTheLoopsThread() async throws {
    let loop = try EventLoop(name: "test")
    let order = Locked<[Int]>([])
    for number in 0..<100 {
      loop.execute {
        #expect(loop.isCurrent)
        order.withLock { $0.append(number) }
      }
    }
    let seen = loop.sync { order.withLock { $0 } }
    #expect(seen == Array(0..<100))
    #expect(!loop.isCurrent)
    loop.shutdown()
  }

  @Test func tasksThatPreferTheLoopRunOnIt() async throws {
    let loop = try EventLoop(name: "test")
    let task = Task(executorPreference: loop) { () -> Bool in
      let before = loop.isCurrent
      await Task.yield()
      return before && loop.isCurrent
    }
    #expect(await task.value)
    loop.shutdown()
  }

  @Test func aTaskThatOutlivesTheLoopStillEnds() async throws {
    let loop = try EventLoop(name: "test")
    let (stream, continuation) = AsyncStream.makeStream(of: Int.self)
    let task = Task(executorPreference: loop) { () -> Int in
      for await number in stream { return number }
      return 0
    }
    await Task(executorPreference: loop) {}.value
    loop.shutdown()
    continuation.yield(7)
    #expect(await task.value == 7)
  }

  @Test func timersRunByDeadlineAndNotAfterCancelling() async throws {
    let loop = try EventLoop(name: "test")
    let order = Locked<[Int]>([])
    await withCheckedContinuation { done in
      loop.execute {
        loop.schedule(after: .milliseconds(30)) { done.resume() }
        loop.schedule(after: .milliseconds(20)) { order.withLock { $0.append(2) } }
        loop.schedule(after: .milliseconds(1)) { order.withLock { $0.append(1) } }
        let cancelled = loop.schedule(after: .milliseconds(10)) { order.withLock { $0.append(9) } }
        loop.cancel(cancelled)
      }
    }
    #expect(order.withLock { $0 } == [1, 2])
    loop.shutdown()
  }

  @Test func turnObserversAreToldOncePerTurn() async throws {
    final class Observer: TurnObserver {
      var turns = 0
      func turnEnded() { turns += 1 }
    }
    let loop = try EventLoop(name: "test")
    let turns = await withCheckedContinuation { done in
      loop.execute {
        let observer = Observer()
        loop.atTurnEnd(observer)
        loop.schedule(after: .milliseconds(5)) { done.resume(returning: observer.turns) }
      }
    }
    #expect(turns == 1)
    loop.shutdown()
  }

  @Test func readinessReachesTheHandlerUntilItIsRemoved() async throws {
    let loop = try EventLoop(name: "test")
    let counted = try await withCheckedThrowingContinuation { (done: CheckedContinuation<Int, any Error>) in
      loop.execute {
        do {
          try PipeReader.start(loop, done)
        } catch {
          done.resume(throwing: error)
        }
      }
    }
    #expect(counted == 3)
    loop.shutdown()
  }

  @Test func anEventOfAHandlerThatWentFindsNobody() {
    var registrations = Registrations()
    let first = registrations.add(Silent(), fd: 1)
    registrations.remove(first)
    let second = registrations.add(Silent(), fd: 2)
    #expect(second.slot == first.slot)
    #expect(registrations.handler(tag: first.tag) == nil)
    #expect(registrations.handler(tag: second.tag) != nil)
  }

  @Test func theTimerHeapGivesTimersInOrder() {
    var heap = TimerHeap()
    var state: UInt64 = 1
    var timers: [LoopTimer] = []
    for _ in 0..<500 {
      state = state &* 6_364_136_223_846_793_005 &+ 1
      let timer = LoopTimer(deadline: MonotonicInstant(nanoseconds: state >> 50)) {}
      timers.append(timer)
      heap.insert(timer)
    }
    for timer in timers.enumerated().filter({ $0.offset % 3 == 0 }).map(\.element) { heap.remove(timer) }
    var last = MonotonicInstant(nanoseconds: 0)
    var count = 0
    while let timer = heap.popDue(MonotonicInstant(nanoseconds: .max)) {
      #expect(timer.deadline >= last)
      last = timer.deadline
      count += 1
    }
    #expect(count == 333)
  }

  @Test func systemErrorsSayWhatFailedAndWhy() {
    #expect(SystemError("open /x", code: ENOENT).description == "open /x: No such file or directory")
  }
}

private final class Silent: EventHandler {
  func handle(_ events: EventMask) {}
}

/// Reads one byte per event of a pipe that holds three.
private final class PipeReader: EventHandler {
  private let loop: EventLoop
  private let fd: Int32
  private let done: CheckedContinuation<Int, any Error>
  private var registration: Registration?
  private var count = 0

  static func start(_ loop: EventLoop, _ done: CheckedContinuation<Int, any Error>) throws {
    var ends: [Int32] = [0, 0]
    try #require(pipe(&ends) == 0)
    write(ends[1], "abc", 3)
    close(ends[1])
    let reader = PipeReader(loop, ends[0], done)
    reader.registration = try loop.register(ends[0], for: .readable, reader)
  }

  private init(_ loop: EventLoop, _ fd: Int32, _ done: CheckedContinuation<Int, any Error>) {
    self.loop = loop
    self.fd = fd
    self.done = done
  }

  func handle(_ events: EventMask) {
    var byte: UInt8 = 0
    if read(fd, &byte, 1) == 1 {
      count += 1
    } else {
      if let registration { loop.remove(registration) }
      close(fd)
      done.resume(returning: count)
    }
  }
}
