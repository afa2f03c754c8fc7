import Concurrency
import Logging
import Telemetry

/// Joins small batches into larger ones.
///
/// A batch that the next stage refuses for now stays here and is offered again; once twice the batch size has piled up
/// new data is refused, so that the pressure reaches the senders and nothing that was taken is lost.
final class BatchProcessor: TelemetryConsumer, DrainableStage {
  private struct State {
    var pending: TelemetryBatch
    /// Whether a task will send what is pending.
    var isScheduled = false
    /// Since when the next stage refuses.
    var failures = 0
  }

  private static let retryInterval: Duration = .seconds(1)
  /// How many items may pile up where the batch size says nothing.
  private static let minimumBound = 16_384

  private let settings: BatchSettings
  private let next: any TelemetryConsumer
  private let dropped: Counter
  private let log: RareLog
  private let bound: Int
  private let signal: Signal
  private let state: Locked<State>

  init(
    _ settings: BatchSettings, signal: Signal, next: any TelemetryConsumer, dropped: Counter, log: RareLog
  ) {
    self.settings = settings
    self.signal = signal
    self.next = next
    self.dropped = dropped
    self.log = log
    bound = max(2 * settings.size, Self.minimumBound)
    state = Locked(State(pending: TelemetryBatch(signal)))
  }

  func consume(_ batch: TelemetryBatch) async throws(DeliveryError) {
    let bound = bound
    let size = settings.timeout == .zero ? 0 : settings.size
    let ready = try state.withLock { state throws(DeliveryError) -> TelemetryBatch? in
      guard state.failures == 0 || state.pending.itemCount < bound else {
        throw .retryable("the batch processor holds \(state.pending.itemCount) items that the next stage refuses")
      }
      state.pending.append(batch)
      guard state.failures == 0, state.pending.itemCount >= size else { return nil }
      defer { state.pending = TelemetryBatch(batch.signal) }
      return state.pending
    }
    if let ready { await forward(ready) }
    scheduleSending()
  }

  func drain(until deadline: ContinuousClock.Instant) async {
    while true {
      await sendPending()
      let left = state.withLock { $0.pending }
      if left.isEmpty { return }
      guard ContinuousClock.now < deadline else {
        drop(left, "the collector ends")
        state.withLock { $0.pending = TelemetryBatch(left.signal) }
        return
      }
      try? await Task.sleep(for: .milliseconds(100))
    }
  }

  /// Sends what is pending after the timeout, unless that is arranged already.
  private func scheduleSending() {
    let delay = state.withLock { state -> Duration? in
      guard !state.isScheduled, !state.pending.isEmpty else { return nil }
      state.isScheduled = true
      return state.failures == 0 ? self.settings.timeout : Self.retryInterval
    }
    guard let delay else { return }
    Task {
      try? await Task.sleep(for: delay)
      await sendPending()
      // Only now, so that a next stage that takes its time gets one batch after another.
      state.withLock { $0.isScheduled = false }
      scheduleSending()
    }
  }

  private func sendPending() async {
    let ready = state.withLock { state in
      defer { state.pending = TelemetryBatch(state.pending.signal) }
      return state.pending
    }
    if !ready.isEmpty { await forward(ready) }
  }

  /// Hands the batch on in parts of the allowed size; what is refused for now goes back.
  private func forward(_ batch: TelemetryBatch) async {
    let parts: [TelemetryBatch]
    do {
      parts = try batch.split(maximumItems: settings.maximumSize)
    } catch {
      return drop(batch, error.description)
    }
    var refused = TelemetryBatch(signal)
    for part in parts {
      do {
        try await next.consume(part)
      } catch {
        if error.isRetryable {
          refused.append(part)
          log.warning("batch of \(part.itemCount) \(signal.itemName) waits: \(error)")
        } else {
          drop(part, error.description)
        }
      }
    }
    state.withLock { [refused] state in
      guard !refused.isEmpty else {
        state.failures = 0
        return
      }
      var pending = refused
      pending.append(state.pending)
      state.pending = pending
      state.failures += 1
    }
  }

  private func drop(_ batch: TelemetryBatch, _ reason: String) {
    dropped.add(batch.itemCount)
    log.warning("batch processor dropped \(batch.itemCount) \(signal.itemName): \(reason)")
  }
}
