import Telemetry

/// Edits the attributes of every resource.
struct ResourceProcessor: TelemetryConsumer {
  let edits: [AttributeEdit]
  let next: any TelemetryConsumer

  func consume(_ batch: TelemetryBatch) async throws(DeliveryError) {
    var batch = batch
    do {
      try batch.editResources(edits)
    } catch {
      throw .permanent(error.description)
    }
    try await next.consume(batch)
  }
}
