import Glibc
import Logging
import Telemetry

/// Shows telemetry to people: a log line with counts, and the items on standard output where asked for.
struct DebugSender: TelemetrySender {
  let name: String
  let settings: DebugExporterSettings
  let logger: Logger
  /// Takes the text for standard output.
  var write: @Sendable (String) -> Void = { text in
    // One call, so that lines of several batches do not mix.
    var text = text
    text.withUTF8 { bytes in _ = Glibc.write(1, bytes.baseAddress, bytes.count) }
  }

  func send(_ batch: TelemetryBatch) async throws(DeliveryError) -> Int {
    do {
      let resources = try batch.resourceRanges().count
      logger.info(
        "\(batch.signal.rawValue)",
        metadata: [
          "exporter": "\(name)", "resources": "\(resources)", "\(batch.signal.itemName)": "\(batch.itemCount)",
        ])
      switch settings.verbosity {
      case .basic: break
      case .normal: write(TelemetryText.lines(try batch.json()))
      case .detailed: write(TelemetryText.tree(try batch.json()))
      }
    } catch {
      throw .permanent(error.description)
    }
    return 0
  }

  func close() async {}
}
