import Concurrency
import Telemetry
import TestSupport
import Testing

@testable import Collector

@Suite("Stages of pipelines") struct StageTests {
  private let full = DeliveryError.retryable("full")
  private let bad = DeliveryError.permanent("bad")
  private let log = RareLog(silent)

  private func settings(_ text: [String: Int], timeout: String = "1h") -> BatchSettings {
    var members: [(String, Int)] = []
    for (key, value) in text { members.append((key, value)) }
    let findings = ConfigurationFindings()
    var batch = BatchSettings(Settings(["timeout": .string(timeout)], path: "", findings: findings))
    for (key, value) in members {
      if key == "size" { batch.size = value }
      if key == "max" { batch.maximumSize = value }
    }
    return batch
  }

  @Test("A batch is sent when it is large enough")
  func batchSize() async throws {
    let next = Recorder()
    let batch = BatchProcessor(settings(["size": 3]), signal: .traces, next: next, dropped: Counter(), log: log)
    try await batch.consume(spans("a"))
    try await batch.consume(spans("b"))
    #expect(next.taken == [])
    try await batch.consume(spans("c", "d"))
    #expect(next.taken == [["a", "b", "c", "d"]])
  }

  @Test("A batch is cut at its largest size")
  func maximumBatchSize() async throws {
    let next = Recorder()
    let batch = BatchProcessor(
      settings(["size": 2, "max": 2]), signal: .traces, next: next, dropped: Counter(), log: log)
    try await batch.consume(spans("a", "b", "c", "d", "e"))
    #expect(next.taken == [["a", "b"], ["c", "d"], ["e"]])
  }

  @Test("A batch is sent after its timeout, and at once without one")
  func batchTimeout() async throws {
    let next = Recorder()
    let batch = BatchProcessor(
      settings(["size": 100], timeout: "1ms"), signal: .traces, next: next, dropped: Counter(), log: log)
    try await batch.consume(spans("a"))
    try await eventually("sent after the timeout") { next.taken == [["a"]] }
    let hasty = BatchProcessor(
      settings(["size": 100], timeout: "0"), signal: .traces, next: next, dropped: Counter(), log: log)
    try await hasty.consume(spans("b"))
    #expect(next.taken == [["a"], ["b"]])
  }

  @Test("What the next stage refuses for now stays, then new data is refused, then all goes on")
  func batchBackPressure() async throws {
    let next = Recorder(failing: full)
    let many = (0..<16_384).map { "\($0)" }
    let batch = BatchProcessor(settings(["size": 1]), signal: .traces, next: next, dropped: Counter(), log: log)
    try await batch.consume(spans(many))
    await #expect(throws: DeliveryError.self) { try await batch.consume(spans("more")) }
    try await eventually("sent again") { next.taken == [many] }
    try await batch.consume(spans("more"))
    #expect(next.taken.last == ["more"])
  }

  @Test("What can never be sent is dropped and counted")
  func batchDrop() async throws {
    let (next, dropped) = (Recorder(failing: bad), Counter())
    let batch = BatchProcessor(settings(["size": 1]), signal: .traces, next: next, dropped: dropped, log: log)
    try await batch.consume(spans("a", "b"))
    #expect(dropped.value == 2)
    try await batch.consume(spans("c"))
    #expect(next.taken == [["c"]])
  }

  @Test("Draining sends what is held, until the deadline")
  func batchDrain() async throws {
    let (next, dropped) = (Recorder(failing: full), Counter())
    let batch = BatchProcessor(settings(["size": 100]), signal: .traces, next: next, dropped: dropped, log: log)
    try await batch.consume(spans("a"))
    await batch.drain(until: .now + .seconds(10))
    #expect(next.taken == [["a"]])
    next.fail(with: Array(repeating: full, count: 1000))
    try await batch.consume(spans("b"))
    await batch.drain(until: .now)
    #expect(dropped.value == 1)
  }

  @Test("A consumer that refuses does not keep the others from their data")
  func fanOut() async throws {
    let (dead, alive) = (Recorder(failing: full, full), Recorder(failing: full))
    let refused = Counter()
    let fanOut = FanOut(
      branches: [
        FanOut.Branch(consumer: dead, refused: refused, name: "dead"),
        FanOut.Branch(consumer: alive, refused: Counter(), name: "alive"),
      ], log: log)
    await #expect(throws: full) { try await fanOut.consume(spans("a")) }
    try await fanOut.consume(spans("b"))
    #expect(alive.taken == [["b"]])
    #expect(refused.value == 1)
    try await fanOut.consume(spans("c"))
    #expect(dead.taken == [["c"]])
  }

  @Test("Resources are edited on the way")
  func resource() async throws {
    let next = Locked<[TelemetryBatch]>([])
    struct Keeper: TelemetryConsumer {
      let batches: Locked<[TelemetryBatch]>
      func consume(_ batch: TelemetryBatch) async throws(DeliveryError) { batches.withLock { $0.append(batch) } }
    }
    let processor = ResourceProcessor(
      edits: [AttributeEdit(.upsert, key: "k8s.node.name", from: .value("n1"))], next: Keeper(batches: next))
    try await processor.consume(spans("a"))
    let json = try #require(next.withLock { $0.first }).json()
    #expect(
      json["resourceSpans"]?[0]?.at("resource", "attributes")
        == [["key": "k8s.node.name", "value": ["stringValue": "n1"]]])
  }

  @Test("Data is refused while memory is short, and freed memory is given back")
  func memoryLimiter() async throws {
    let resident = Locked(60 << 20)
    let released = Counter()
    let memory = ProcessMemory(resident: { resident.withLock { $0 } }, release: { released.add(1) })
    var settings = MemoryLimiterSettings(
      Settings(
        ["check_interval": "1ns", "limit_mib": 100, "spike_limit_mib": 20], path: "", findings: ConfigurationFindings())
    )
    let limiter = MemoryLimiter(settings, memory: memory, available: 1 << 30, logger: silent)
    let (next, refused) = (Recorder(), Counter())
    let processor = MemoryLimiterProcessor(limiter: limiter, refused: refused, next: next)
    try await processor.consume(spans("a"))
    resident.withLock { $0 = 81 << 20 }
    let error = await #expect(throws: DeliveryError.self) { try await processor.consume(spans("b", "c")) }
    #expect(error?.isRetryable == true)
    #expect(refused.value == 2)
    #expect(released.value == 1)
    resident.withLock { $0 = 80 << 20 }
    try await processor.consume(spans("d"))
    #expect(next.taken == [["a"], ["d"]])
    settings.limit = .percent(50)
    settings.spike = nil
    let shared = MemoryLimiter(settings, memory: memory, available: 1000 << 20, logger: silent)
    #expect(shared.softLimit >> 20 == 400)
  }

  @Test("The process knows its memory")
  func processMemory() throws {
    let resident = try #require(ProcessMemory.current.resident())
    #expect(resident > 1 << 20)
    ProcessMemory.current.release()
    #expect(ProcessMemory.available() > resident)
  }
}
