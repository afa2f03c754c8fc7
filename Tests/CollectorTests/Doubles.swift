import Concurrency
import Glibc
import JSON
import Logging
import Telemetry
import TestSupport
import Testing

@testable import Collector

/// A logger that says nothing.
let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

/// A batch of spans with these names, in one resource.
func spans(_ names: String...) throws -> TelemetryBatch { try spans(names) }

func spans(_ names: [String]) throws -> TelemetryBatch {
  let spans = names.map { JSONValue.object(["name": .string($0)]) }
  return try TelemetryBatch(.traces, json: ["resourceSpans": [["scopeSpans": [["spans": .array(spans)]]]]])
}

/// The names of the spans in a batch.
func names(_ batch: TelemetryBatch) -> [String] { (try? batch.json()).map(spanNames) ?? [] }

/// The names of the spans in OTLP/JSON.
func spanNames(_ json: JSONValue) -> [String] {
  (json["resourceSpans"]?.array ?? []).flatMap { $0["scopeSpans"]?.array ?? [] }
    .flatMap { $0["spans"]?.array ?? [] }.compactMap { $0["name"]?.string }
}

/// Takes batches, or fails as told.
final class Recorder: TelemetryConsumer, TelemetrySender {
  private let state = Locked<(taken: [[String]], failures: [DeliveryError], isClosed: Bool)>(([], [], false))

  /// Fails with these errors first.
  init(failing failures: DeliveryError...) { state.withLock { $0.failures = failures } }

  var taken: [[String]] { state.withLock { $0.taken } }
  var isClosed: Bool { state.withLock { $0.isClosed } }

  func fail(with failures: [DeliveryError]) { state.withLock { $0.failures = failures } }

  func consume(_ batch: TelemetryBatch) async throws(DeliveryError) {
    let names = names(batch)
    let failure = state.withLock { state -> DeliveryError? in
      if !state.failures.isEmpty { return state.failures.removeFirst() }
      state.taken.append(names)
      return nil
    }
    if let failure { throw failure }
  }

  func send(_ batch: TelemetryBatch) async throws(DeliveryError) -> Int {
    try await consume(batch)
    return 0
  }

  func close() async { state.withLock { $0.isClosed = true } }
}

extension TemporaryDirectory {
  /// The lines of a file as JSON.
  func lines(_ name: String) throws -> [JSONValue] {
    try contents(name).split(separator: UInt8(ascii: "\n")).map { try JSONValue(parsing: Array($0)) }
  }

  func contents(_ name: String) throws -> [UInt8] { try FileContents.read("\(path)/\(name)", for: "test") }
}
