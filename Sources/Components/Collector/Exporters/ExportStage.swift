import Concurrency
import Logging
import Telemetry

/// The end of a pipeline: keeps batches in a bounded queue and sends them, again where that helps.
final class ExportStage: TelemetryConsumer, DrainableStage {
  /// What is counted of an exporter and signal.
  struct Counters: Sendable {
    var sent: Counter
    var failed: Counter
    var refused: Counter
  }

  private struct State {
    var queue: BatchQueue
    /// The tasks that send.
    var workers = 0
    /// Set when the process ends: what then is not sent until the deadline is dropped.
    var deadline: ContinuousClock.Instant?
  }

  private let name: String
  private let queueSettings: QueueSettings
  private let retry: RetrySettings
  private let sender: any TelemetrySender
  private let counters: Counters
  private let log: RareLog
  private let state: Locked<State>

  init(
    name: String, queue: QueueSettings, retry: RetrySettings, sender: any TelemetrySender, counters: Counters,
    log: RareLog
  ) {
    self.name = name
    queueSettings = queue
    self.retry = retry
    self.sender = sender
    self.counters = counters
    self.log = log
    state = Locked(State(queue: BatchQueue(queue)))
  }

  /// What waits in the queue, in the unit of its sizer.
  var queueSize: Int { state.withLock { $0.queue.size } }

  func consume(_ batch: TelemetryBatch) async throws(DeliveryError) {
    guard queueSettings.enabled else { return try await deliver(batch) }
    let limit = queueSettings.consumers
    let (isTaken, needsWorker) = state.withLock { state in
      guard state.queue.append(batch) else { return (false, false) }
      guard state.workers < limit else { return (true, false) }
      state.workers += 1
      return (true, true)
    }
    guard isTaken else {
      counters.refused.add(batch.itemCount)
      throw .retryable("the sending queue of exporter \(name) is full")
    }
    if needsWorker { Task { await work() } }
  }

  func drain(until deadline: ContinuousClock.Instant) async {
    state.withLock { $0.deadline = deadline }
    // The workers give up at the deadline; the margin is for a request that is under way then.
    while ContinuousClock.now < deadline + .seconds(1) {
      if state.withLock({ $0.workers == 0 && $0.queue.isEmpty }) { return }
      try? await Task.sleep(for: .milliseconds(20))
    }
  }

  /// Sends until the queue is empty.
  private func work() async {
    while true {
      let batch = state.withLock { state -> TelemetryBatch? in
        let batch = state.queue.popFirst()
        if batch == nil { state.workers -= 1 }
        return batch
      }
      guard let batch else { return }
      do {
        try await deliver(batch)
      } catch {
        log.warning("exporter \(name) dropped \(batch.itemCount) \(batch.signal.itemName): \(error)")
      }
    }
  }

  /// Sends a batch, again after failures that may pass, in halves where it is too large, and counts the outcome.
  private func deliver(_ batch: TelemetryBatch) async throws(DeliveryError) {
    do {
      try await attempt(batch)
    } catch {
      if error.kind == .tooLarge, let halves = try? batch.split(maximumItems: (batch.itemCount + 1) / 2),
        halves.count > 1
      {
        log.warning("exporter \(name) sends \(batch.itemCount) \(batch.signal.itemName) in parts: \(error)")
        var failure: DeliveryError?
        for half in halves {
          do throws(DeliveryError) { try await deliver(half) } catch { failure = error }
        }
        if let failure { throw failure }
        return
      }
      counters.failed.add(batch.itemCount)
      throw error
    }
  }

  private func attempt(_ batch: TelemetryBatch) async throws(DeliveryError) {
    let start = ContinuousClock.now
    var interval = retry.initialInterval
    while true {
      do {
        let rejected = try await sender.send(batch)
        counters.sent.add(batch.itemCount - rejected)
        if rejected > 0 { counters.failed.add(rejected) }
        return
      } catch {
        let delay = max(jittered(interval), error.retryAfter ?? .zero)
        guard error.isRetryable, retry.enabled, mayRetry(after: delay, since: start) else { throw error }
        log.warning("exporter \(name) tries again in \(delay): \(error)")
        await pause(delay)
        interval = min(interval * retry.multiplier, retry.maximumInterval)
      }
    }
  }

  private func mayRetry(after delay: Duration, since start: ContinuousClock.Instant) -> Bool {
    let next = ContinuousClock.now + delay
    if retry.maximumElapsedTime > .zero, next - start > retry.maximumElapsedTime { return false }
    guard let deadline = state.withLock({ $0.deadline }) else { return true }
    return ContinuousClock.now < deadline
  }

  private func jittered(_ interval: Duration) -> Duration {
    interval * Double.random(in: (1 - retry.randomization)...(1 + retry.randomization))
  }

  /// Waits, but not on when the process ends: then there is only time for quick attempts.
  private func pause(_ delay: Duration) async {
    let end = ContinuousClock.now + delay
    while ContinuousClock.now < end {
      let isEnding = state.withLock { $0.deadline != nil }
      try? await Task.sleep(for: min(.milliseconds(200), end - ContinuousClock.now))
      if isEnding { return }
    }
  }
}
