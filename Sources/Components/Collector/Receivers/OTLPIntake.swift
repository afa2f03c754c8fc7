import Concurrency
import HTTPTransport
import JSON
import Logging
import Telemetry

/// What gRPC and HTTP of one receiver have in common: from the bytes of a request to the pipelines.
final class OTLPIntake: Sendable {
  /// How a request came in, for the counters.
  enum Transport: String, CaseIterable { case grpc, http }

  private let name: String
  private let metrics: CollectorMetrics
  private let log: RareLog
  private let pipelines: Locked<[Signal: any TelemetryConsumer]>

  init(name: String, pipelines: [Signal: any TelemetryConsumer], metrics: CollectorMetrics, log: RareLog) {
    self.name = name
    self.metrics = metrics
    self.log = log
    self.pipelines = Locked(pipelines)
    for signal in pipelines.keys {
      for transport in Transport.allCases { _ = (counter(true, signal, transport), counter(false, signal, transport)) }
    }
  }

  /// Sends what comes in from now on into other pipelines.
  func redirect(to pipelines: [Signal: any TelemetryConsumer]) {
    self.pipelines.withLock { $0 = pipelines }
  }

  /// The pipelines of a signal; nil where the signal is not collected.
  func pipeline(for signal: Signal) -> (any TelemetryConsumer)? { pipelines.withLock { $0[signal] } }

  /// Hands a batch to the pipelines.
  func take(
    _ batch: TelemetryBatch, _ transport: Transport, into pipeline: any TelemetryConsumer
  ) async throws(DeliveryError) {
    guard !batch.isEmpty else { return }
    do {
      try await pipeline.consume(batch)
    } catch {
      counter(false, batch.signal, transport).add(batch.itemCount)
      log.warning("receiver \(name) refused \(batch.itemCount) \(batch.signal.itemName): \(error)")
      throw error
    }
    counter(true, batch.signal, transport).add(batch.itemCount)
  }

  /// Notes a request that is no OTLP.
  func noteInvalid(_ error: any Error & CustomStringConvertible) {
    log.warning("receiver \(name) refused a request: \(error)")
  }

  private func counter(_ accepted: Bool, _ signal: Signal, _ transport: Transport) -> Counter {
    metrics.counter(
      "\(accepted ? MetricName.receiverAccepted : MetricName.receiverRefused)_\(signal.itemName)",
      help: "Number of \(signal.itemName) that were \(accepted ? "accepted" : "refused").",
      [("receiver", name), ("transport", transport.rawValue)])
  }
}
