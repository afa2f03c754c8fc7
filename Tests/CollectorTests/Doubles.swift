import Concurrency
import Glibc
import JSON
import Logging
import Telemetry
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

/// Waits until the condition holds; a failure after ten seconds.
func eventually(
  _ what: String, sourceLocation: SourceLocation = #_sourceLocation, _ condition: () async throws -> Bool
) async throws {
  let deadline = ContinuousClock.now + .seconds(10)
  while try await !condition() {
    guard ContinuousClock.now < deadline else {
      Issue.record("never came about: \(what)", sourceLocation: sourceLocation)
      return
    }
    try await Task.sleep(for: .milliseconds(5))
  }
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

/// A directory that goes with the value.
final class TemporaryDirectory: Sendable {
  let path: String

  init() throws {
    var template = Array("/tmp/collector-test-XXXXXX".utf8CString)
    path = String(cString: try #require(mkdtemp(&template)))
  }

  deinit {
    if let directory = opendir(path) {
      while let entry = readdir(directory) {
        let name = withUnsafePointer(to: entry.pointee.d_name) {
          $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        if name != ".", name != ".." { unlink("\(path)/\(name)") }
      }
      closedir(directory)
    }
    rmdir(path)
  }

  /// The lines of a file as JSON.
  func lines(_ name: String) throws -> [JSONValue] {
    try contents(name).split(separator: UInt8(ascii: "\n")).map { try JSONValue(parsing: Array($0)) }
  }

  func contents(_ name: String) throws -> [UInt8] { try FileContents.read("\(path)/\(name)", for: "test") }
}
