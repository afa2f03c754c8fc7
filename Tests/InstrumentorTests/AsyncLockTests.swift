import Concurrency
import Testing

@testable import Instrumentor

@Suite struct AsyncLockTests {
  @Test func letsOneThroughAtATimeAndNobodyOut() async {
    let lock = AsyncLock()
    let state = Locked((inside: 0, most: 0, done: 0))
    await withTaskGroup(of: Void.self) { group in
      for index in 0..<100 {
        group.addTask {
          await lock.acquire()
          state.withLock {
            $0.inside += 1
            $0.most = max($0.most, $0.inside)
          }
          if index % 3 == 0 { await Task.yield() }
          state.withLock {
            $0.inside -= 1
            $0.done += 1
          }
          lock.release()
        }
      }
      // Those that are cancelled while they wait get their turn too, and give it back.
      group.cancelAll()
    }
    let end = state.withLock { $0 }
    #expect(end.most == 1 && end.done == 100)
  }
}
