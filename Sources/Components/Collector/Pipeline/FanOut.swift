import Logging
import Telemetry

/// Gives each batch to several consumers.
///
/// They are isolated from one another: a batch counts as taken when one of them took it, and those that refused lose
/// it, which is counted and logged. Were the refusal passed on, the sender would send again and those that had taken
/// the batch would get it twice; and one dead destination would stop all others. Only when all refuse, the sender
/// hears of it.
struct FanOut: TelemetryConsumer {
  /// One consumer under the name for its counter.
  struct Branch: Sendable {
    var consumer: any TelemetryConsumer
    var refused: Counter
    var name: String
  }

  let branches: [Branch]
  let log: RareLog

  func consume(_ batch: TelemetryBatch) async throws(DeliveryError) {
    var refusals: [(branch: Branch, error: DeliveryError)] = []
    for branch in branches {
      do {
        try await branch.consumer.consume(batch)
      } catch {
        refusals.append((branch, error))
      }
    }
    if refusals.count == branches.count, let first = refusals.first {
      throw refusals.first { $0.error.isRetryable }?.error ?? first.error
    }
    for (branch, error) in refusals {
      branch.refused.add(batch.itemCount)
      log.warning("\(branch.name) refused \(batch.itemCount) \(batch.signal.itemName), which others took: \(error)")
    }
  }
}
