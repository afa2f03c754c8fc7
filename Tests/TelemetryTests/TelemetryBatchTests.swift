import JSON
import Telemetry
import Testing

@Suite("Batches of telemetry") struct TelemetryBatchTests {
  @Test("Items are counted", arguments: [(Signal.traces, 7), (.metrics, 11), (.logs, 3)])
  func counting(signal: Signal, count: Int) throws {
    let batch = try TelemetryBatch(signal, validating: Fixture(signal: signal).protobuf)
    #expect(batch.itemCount == count)
    #expect(try batch.resourceRanges().count == (signal == .traces ? 3 : 1))
  }

  @Test("Batches concatenate", arguments: Signal.allCases)
  func concatenation(signal: Signal) throws {
    let one = try TelemetryBatch(signal, validating: Fixture(signal: signal).protobuf)
    var both = TelemetryBatch(signal)
    #expect(both.isEmpty)
    both.append(one)
    both.append(one)
    #expect(try TelemetryBatch(signal, validating: both.bytes) == both)
    #expect(both.itemCount == 2 * one.itemCount)
  }

  @Test("Parts hold the same items in order", arguments: Signal.allCases, 1...12)
  func splitting(signal: Signal, maximum: Int) throws {
    let batch = try TelemetryBatch(signal, validating: Fixture(signal: signal).protobuf)
    let parts = try batch.split(maximumItems: maximum)
    #expect(parts.map(\.itemCount).reduce(0, +) == batch.itemCount)
    #expect(parts.count == (batch.itemCount + maximum - 1) / maximum)
    for part in parts {
      #expect(part.itemCount <= maximum)
      #expect(try TelemetryBatch(signal, validating: part.bytes).itemCount == part.itemCount)
    }
    #expect(try parts.flatMap { try items($0.json()) } == items(batch.json()))
  }

  @Test("Every truncation is an error or a shorter request, never a crash", arguments: Signal.allCases)
  func truncation(signal: Signal) throws {
    let bytes = try Fixture(signal: signal).protobuf
    for length in bytes.indices {
      _ = try? TelemetryBatch(signal, validating: Array(bytes[..<length]))
    }
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<2000 {
      var damaged = bytes
      for _ in 0..<4 { damaged[Int.random(in: damaged.indices, using: &generator)] = .random(in: 0...255) }
      guard var batch = try? TelemetryBatch(signal, validating: damaged) else { continue }
      _ = try batch.json()
      _ = try batch.split(maximumItems: 2)
      try batch.editResources([AttributeEdit(.upsert, key: "k", from: .value("v"))])
      _ = try TelemetryBatch(signal, validating: batch.bytes)
    }
  }

  @Test(
    "Malformed requests are refused",
    arguments: [
      ([0x0a], WireError(.truncated, at: 1)), ([0x0a, 5, 1], WireError(.lengthBeyondEnd, at: 0)),
      ([0x0a, 2, 0x0a, 9], WireError(.lengthBeyondEnd, at: 2, field: "ExportTraceServiceRequest.resourceSpans")),
      ([0x02, 0], WireError(.invalidFieldNumber, at: 0)),
      ([0x0f], WireError(.invalidWireType, at: 0)), ([0x0c], WireError(.invalidWireType, at: 0)),
      ([0x08, 1], WireError(.wrongWireType, at: 0, field: "ExportTraceServiceRequest.resourceSpans")),
      ([0x10] + [UInt8](repeating: 0xff, count: 10), WireError(.varintTooLong, at: 1)),
      (
        [0x0a, 7, 0x12, 5, 0x12, 3, 0x0a, 1, 9],
        WireError(.invalidIdentifier, at: 6, field: "Span.traceId")
      ), ([UInt8](repeating: 0x13, count: 40), WireError(.tooDeep, at: 32)),
      ([0x13, 0x1c], WireError(.invalidWireType, at: 1)),
    ] as [([UInt8], WireError)])
  func malformed(bytes: [UInt8], error: WireError) {
    #expect(throws: error) { try TelemetryBatch(.traces, validating: bytes) }
  }

  @Test("Deep attribute values are refused")
  func depth() throws {
    var value: JSONValue = ["stringValue": "x"]
    for _ in 0..<60 { value = ["arrayValue": ["values": [value]]] }
    let request: JSONValue = ["resourceLogs": [["scopeLogs": [["logRecords": [["body": value]]]]]]]
    #expect(throws: OTLPJSONError.self) { try TelemetryBatch(.logs, json: request) }
  }

  @Test("Unknown fields, groups among them, pass through")
  func unknownFields() throws {
    // Resource with field 50 (varint) and a group 51 around a fixed32.
    let resource: [UInt8] = [0x90, 0x03, 1, 0x9b, 0x03, 0x0d, 1, 2, 3, 4, 0x9c, 0x03]
    let resourceSpans = [0x0a, UInt8(resource.count)] + resource + [0x98, 0x06, 7]
    let bytes = [0x0a, UInt8(resourceSpans.count)] + resourceSpans + [0xa0, 0x06, 8]
    var batch = try TelemetryBatch(.traces, validating: bytes)
    try batch.editResources([])
    #expect(batch.bytes == bytes)
    try batch.editResources([AttributeEdit(.insert, key: "k", from: .value("v"))])
    #expect(batch.bytes.count == bytes.count + 2 + 3 + 5)
  }

  /// Every span, log record or data point with what it belongs to, in order.
  private func items(_ json: JSONValue) -> [JSONValue] {
    var items: [JSONValue] = []
    for resource in (json["resourceSpans"] ?? json["resourceMetrics"] ?? json["resourceLogs"])?.array ?? [] {
      for scope in (resource["scopeSpans"] ?? resource["scopeMetrics"] ?? resource["scopeLogs"])?.array ?? [] {
        let around: [JSONValue] = [
          resource["resource"] ?? .null, resource["schemaUrl"] ?? .null, scope["scope"] ?? .null,
          scope["schemaUrl"] ?? .null,
        ]
        for item in (scope["spans"] ?? scope["logRecords"])?.array ?? [] { items.append(.array(around + [item])) }
        for metric in scope["metrics"]?.array ?? [] {
          for kind in ["gauge", "sum", "histogram", "exponentialHistogram", "summary"] {
            guard var data = metric[kind] else { continue }
            let points = data["dataPoints"]?.array ?? []
            data["dataPoints"] = nil
            var rest = metric
            rest[kind] = data
            items += points.map { .array(around + [rest, $0]) }
          }
        }
      }
    }
    return items
  }
}
