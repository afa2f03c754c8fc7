import Concurrency
import Logging
import Telemetry

/// Knows whether the process uses too much memory. All pipelines that name the same processor share one.
final class MemoryLimiter: Sendable {
  private struct State {
    var lastCheck: ContinuousClock.Instant?
    var isOver = false
  }

  private let interval: Duration
  private let memory: ProcessMemory
  private let logger: Logger
  private let state = Locked(State())
  /// Above it data is refused, in bytes.
  let softLimit: Int

  init(_ settings: MemoryLimiterSettings, memory: ProcessMemory, available: Int, logger: Logger) {
    func bytes(_ amount: MemoryLimiterSettings.Amount) -> Int {
      switch amount {
      case .mebibytes(let count): count << 20
      case .percent(let share): available / 100 * share
      }
    }
    let limit = bytes(settings.limit)
    softLimit = limit - (settings.spike.map(bytes) ?? limit / 5)
    interval = settings.checkInterval
    self.memory = memory
    self.logger = logger
  }

  /// Whether data has to be refused now. Measures when the last measurement is older than the check interval.
  var isOver: Bool {
    let now = ContinuousClock.now
    let interval = interval
    let known = state.withLock { state -> Bool? in
      if let last = state.lastCheck, now - last < interval { return state.isOver }
      state.lastCheck = now
      return nil
    }
    return known ?? measure()
  }

  private func measure() -> Bool {
    guard var resident = memory.resident() else { return false }
    if resident > softLimit {
      memory.release()
      resident = memory.resident() ?? resident
    }
    let isOver = resident > softLimit
    let changed = state.withLock { state in
      defer { state.isOver = isOver }
      return state.isOver != isOver
    }
    if changed {
      let figures = "resident \(resident >> 20) MiB, soft limit \(softLimit >> 20) MiB"
      if isOver {
        logger.warning("memory is short, data is refused: \(figures)")
      } else {
        logger.info("memory suffices again, data is taken: \(figures)")
      }
    }
    return isOver
  }
}

/// Refuses data while memory is short.
struct MemoryLimiterProcessor: TelemetryConsumer {
  let limiter: MemoryLimiter
  let refused: Counter
  let next: any TelemetryConsumer

  func consume(_ batch: TelemetryBatch) async throws(DeliveryError) {
    if limiter.isOver {
      refused.add(batch.itemCount)
      throw .retryable("data refused due to high memory usage")
    }
    try await next.consume(batch)
  }
}
