import Telemetry

/// One way to hand a batch to the outside, tried once.
protocol TelemetrySender: Sendable {
  /// Sends the batch and returns how many of its items the peer refused for good.
  func send(_ batch: TelemetryBatch) async throws(DeliveryError) -> Int
  /// Frees what the sender holds.
  func close() async
}
