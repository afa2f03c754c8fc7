import HTTPTransport
import Telemetry

/// Sends OTLP over gRPC.
struct OTLPSender: TelemetrySender {
  /// gRPC codes after which OTLP lets a request be sent again (opentelemetry-proto, docs/specification.md).
  /// RESOURCE_EXHAUSTED is among them only with a delay that the peer gives; it is tried again here, too, because what
  /// limits rates on the way rarely gives one.
  private static let retryableCodes: Set<Int> = [1, 4, 8, 10, 11, 14, 15]
  private static let resourceExhausted = 8

  let client: GRPCClient
  let settings: DeliverySettings
  let log: RareLog

  func send(_ batch: TelemetryBatch) async throws(DeliveryError) -> Int {
    let reply: [UInt8]
    do {
      reply = try await client.unary(
        batch.signal.grpcPath, batch.bytes, metadata: settings.headers.map { ($0.name, $0.value) },
        timeout: settings.timeout)
    } catch {
      throw DeliveryError(kind: Self.kind(of: error), retryAfter: nil, description: error.description)
    }
    // A reply that cannot be read does not take back that the peer said OK.
    guard let response = try? ExportResponse(batch.signal, decoding: reply), response.isPartial else { return 0 }
    log.warning("peer rejected \(response.rejectedItems) \(batch.signal.itemName): \(response.message)")
    return min(max(0, response.rejectedItems), batch.itemCount)
  }

  func close() async { client.close() }

  /// The same code means a rate that is limited and a message that is too large; only the text tells them apart:
  /// "larger than max" in gRPC for Go, C++ and Python, "exceeds" in gRPC for Java and here.
  private static func kind(of status: GRPCStatus) -> DeliveryError.Kind {
    let text = status.message.lowercased()
    if status.code == resourceExhausted, text.contains("larger than max") || text.contains("exceeds") {
      return .tooLarge
    }
    return retryableCodes.contains(status.code) ? .retryable : .permanent
  }
}
