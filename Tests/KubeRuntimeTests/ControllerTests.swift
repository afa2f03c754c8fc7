import Concurrency
import Logging
import TestSupport
import Testing

@testable import KubeRuntime

private struct Refusal: Error {}

private func quiet() -> Logger {
  Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
}

@Suite struct ControllerTests {
  private struct Record: Sendable {
    var calls: [String: Int] = [:]
    var running: Set<String> = []
    var overlaps = 0
    var mostAtOnce = 0
  }

  private func enter(_ record: Locked<Record>, _ key: String) {
    record.withLock { record in
      record.calls[key, default: 0] += 1
      if !record.running.insert(key).inserted { record.overlaps += 1 }
      record.mostAtOnce = max(record.mostAtOnce, record.running.count)
    }
  }

  @Test func worksOffAllKeysWithoutOverlap() async throws {
    let record = Locked(Record())
    let controller = Controller<String>(name: "test", workers: 4, logger: quiet()) { key in
      self.enter(record, key)
      await Task.yield()
      record.withLock { _ = $0.running.remove(key) }
      return .done
    }
    let task = Task { await controller.run() }
    for _ in 0..<50 { for index in 0..<20 { controller.enqueue("key-\(index)") } }
    try await eventually("all keys") {
      record.withLock { $0.calls.count == 20 && $0.running.isEmpty } && controller.depth == 0
    }
    task.cancel()
    await task.value
    #expect(record.withLock { $0.overlaps } == 0)
    #expect(record.withLock { $0.mostAtOnce } <= 4)
  }

  @Test func triesAgainAfterFailures() async throws {
    let record = Locked(Record())
    let controller = Controller<String>(name: "test", logger: quiet()) { key in
      let calls = record.withLock { record in
        record.calls[key, default: 0] += 1
        return record.calls[key, default: 0]
      }
      if calls < 3 { throw Refusal() }
      return .done
    }
    controller.enqueue("a")
    let task = Task { await controller.run() }
    try await eventually("the third try") { record.withLock { $0.calls["a"] == 3 } }
    task.cancel()
    await task.value
  }

  @Test func comesBackWhenAskedTo() async throws {
    let record = Locked(Record())
    let controller = Controller<String>(name: "test", logger: quiet()) { key in
      record.withLock { $0.calls[key, default: 0] += 1 }
      return .requeue(after: .milliseconds(5))
    }
    let task = Task { await controller.run() }
    controller.enqueue("a", after: .milliseconds(5))
    try await eventually("some calls") { record.withLock { $0.calls["a", default: 0] >= 5 } }
    task.cancel()
    await task.value
  }

  @Test func endsIdleWorkersOnCancellation() async {
    let controller = Controller<String>(name: "test", workers: 3, logger: quiet()) { _ in .done }
    let task = Task { await controller.run() }
    await Task.yield()
    task.cancel()
    await task.value
  }

  @Test func cancelledBeforeItRuns() async {
    let controller = Controller<String>(name: "test", workers: 3, logger: quiet()) { _ in .done }
    controller.enqueue("a")
    let task = Task {
      withUnsafeCurrentTask { $0?.cancel() }
      await controller.run()
    }
    await task.value
  }
}
