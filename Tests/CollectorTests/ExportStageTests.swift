import Concurrency
import Telemetry
import TestSupport
import Testing

@testable import Collector

@Suite("Queue and retry of exporters") struct ExportStageTests {
  private let down = DeliveryError.retryable("down")
  private let counters = ExportStage.Counters(sent: Counter(), failed: Counter(), refused: Counter())

  private func stage(
    _ sender: any TelemetrySender, queue: QueueSettings = QueueSettings(enabled: true), retry: RetrySettings = quick
  ) -> ExportStage {
    ExportStage(name: "test", queue: queue, retry: retry, sender: sender, counters: counters, log: RareLog(silent))
  }

  private static let quick: RetrySettings = {
    var settings = RetrySettings(enabled: true)
    settings.initialInterval = .milliseconds(1)
    return settings
  }()

  @Test("A peer that fails first gets the batch later, in order of the queue")
  func retry() async throws {
    let sender = Recorder(failing: down, down)
    var queue = QueueSettings(enabled: true)
    queue.consumers = 1
    let stage = stage(sender, queue: queue)
    try await stage.consume(spans("a"))
    try await stage.consume(spans("b"))
    try await eventually("both are sent") { sender.taken == [["a"], ["b"]] }
    #expect(counters.sent.value == 2)
    #expect(counters.failed.value == 0)
  }

  @Test("What the peer refuses for good is not sent again")
  func permanent() async throws {
    let sender = Recorder(failing: .permanent("bad"))
    let stage = stage(sender)
    try await stage.consume(spans("a", "b"))
    try await eventually("the failure is counted") { counters.failed.value == 2 }
    try await stage.consume(spans("c"))
    try await eventually("the next is sent") { sender.taken == [["c"]] }
  }

  @Test("What is too large is sent in parts, and what is too large alone is dropped")
  func tooLarge() async throws {
    struct Small: TelemetrySender {
      let recorder: Recorder
      func send(_ batch: TelemetryBatch) async throws(DeliveryError) -> Int {
        if batch.itemCount > 2 || names(batch) == ["huge"] {
          throw DeliveryError(kind: .tooLarge, retryAfter: nil, description: "too large")
        }
        return try await recorder.send(batch)
      }
      func close() async {}
    }
    let recorder = Recorder()
    let stage = stage(Small(recorder: recorder), queue: .none)
    try await stage.consume(spans("a", "b", "c", "d", "e"))
    #expect(recorder.taken == [["a", "b"], ["c"], ["d", "e"]])
    await #expect(throws: DeliveryError.self) { try await stage.consume(spans("huge")) }
    #expect(counters.sent.value == 5)
    #expect(counters.failed.value == 1)
  }

  @Test("Retries end after their time, or are off")
  func retriesEnd() async throws {
    var short = Self.quick
    short.maximumElapsedTime = .nanoseconds(1)
    let waiting = stage(Recorder(failing: down), queue: .none, retry: short)
    await #expect(throws: down) { try await waiting.consume(spans("a")) }
    let off = stage(Recorder(failing: down), queue: .none, retry: .none)
    await #expect(throws: down) { try await off.consume(spans("b")) }
    #expect(counters.failed.value == 2)
  }

  @Test("A full queue refuses", arguments: [(QueueSettings.Sizer.requests, 1), (.items, 2), (.bytes, 20)])
  func fullQueue(sizer: QueueSettings.Sizer, size: Int) async throws {
    var queue = QueueSettings(enabled: true)
    queue.sizer = sizer
    queue.size = size
    queue.consumers = 1
    let gate = Gate()
    let stage = stage(gate, queue: queue)
    try await stage.consume(spans("a", "b"))
    try await eventually("the first is under way") { gate.waiting == 1 && stage.queueSize == 0 }
    try await stage.consume(spans("c", "d"))
    let error = await #expect(throws: DeliveryError.self) { try await stage.consume(spans("e", "f")) }
    #expect(error?.isRetryable == true)
    #expect(counters.refused.value == 2)
    gate.open()
    try await eventually("what was taken is sent") { counters.sent.value == 4 }
  }

  @Test("The end waits for what can be sent and drops the rest")
  func drain() async throws {
    let sender = Recorder(failing: down)
    var slow = RetrySettings(enabled: true)
    slow.initialInterval = .seconds(3600)
    slow.maximumInterval = .seconds(3600)
    slow.maximumElapsedTime = .zero
    let stage = stage(sender, retry: slow)
    try await stage.consume(spans("a"))
    await stage.drain(until: .now + .seconds(10))
    #expect(sender.taken == [["a"]])
    sender.fail(with: Array(repeating: down, count: 1000))
    try await stage.consume(spans("b"))
    await stage.drain(until: .now + .milliseconds(300))
    #expect(counters.failed.value == 1)
  }

  @Test("Queues keep their order")
  func queueOrder() throws {
    var queue = BatchQueue(QueueSettings(enabled: true))
    for name in ["a", "b"] { #expect(try queue.append(spans(name))) }
    #expect(queue.popFirst().map(names) == ["a"])
    #expect(try queue.append(spans("c")))
    #expect(queue.popFirst().map(names) == ["b"])
    #expect(queue.size == 1)
    #expect(queue.popFirst().map(names) == ["c"])
    #expect(queue.popFirst() == nil)
    #expect(queue.isEmpty)
  }
}

/// Holds every batch until it is opened.
private final class Gate: TelemetrySender {
  private let state = Locked<(isOpen: Bool, waiters: [CheckedContinuation<Void, Never>])>((false, []))

  var waiting: Int { state.withLock { $0.waiters.count } }

  func open() {
    let waiters = state.withLock { state in
      state.isOpen = true
      defer { state.waiters = [] }
      return state.waiters
    }
    for waiter in waiters { waiter.resume() }
  }

  func send(_ batch: TelemetryBatch) async throws(DeliveryError) -> Int {
    await withCheckedContinuation { continuation in
      let isOpen = state.withLock { state in
        if !state.isOpen { state.waiters.append(continuation) }
        return state.isOpen
      }
      if isOpen { continuation.resume() }
    }
    return 0
  }

  func close() async {}
}
