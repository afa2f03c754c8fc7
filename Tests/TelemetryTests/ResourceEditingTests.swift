import JSON
import Telemetry
import Testing

@Suite("Editing resource attributes") struct ResourceEditingTests {
  @Test(
    "Actions",
    arguments: [
      (AttributeEdit(.insert, key: "b", from: .value(1)), #"{"a":"x","b":{"intValue":"1"}}"#),
      (AttributeEdit(.insert, key: "a", from: .value(1)), #"{"a":"x"}"#),
      (AttributeEdit(.update, key: "a", from: .value("y")), #"{"a":"y"}"#),
      (AttributeEdit(.update, key: "b", from: .value("y")), #"{"a":"x"}"#),
      (AttributeEdit(.upsert, key: "a", from: .value(true)), #"{"a":{"boolValue":true}}"#),
      (AttributeEdit(.upsert, key: "b", from: .value(.number("1.5"))), #"{"a":"x","b":{"doubleValue":1.5}}"#),
      (AttributeEdit(.upsert, key: "b", from: .attribute("a")), #"{"a":"x","b":"x"}"#),
      (AttributeEdit(.upsert, key: "b", from: .attribute("none")), #"{"a":"x"}"#),
      (AttributeEdit(.delete, key: "a"), "{}"), (AttributeEdit(.delete, key: "b"), #"{"a":"x"}"#),
      (
        AttributeEdit(.upsert, key: "a", from: .value(["l", ["m": .null]])),
        #"{"a":{"arrayValue":{"values":[{"stringValue":"l"},{"kvlistValue":{"values":[{"key":"m","value":{}}]}}]}}}"#
      ),
    ])
  func actions(edit: AttributeEdit, expected: String) throws {
    var batch = try TelemetryBatch(.traces, json: request(["a": "x"]))
    try batch.editResources([edit])
    #expect(try attributes(batch) == JSONValue(parsing: expected))
    #expect(try TelemetryBatch(.traces, validating: batch.bytes) == batch)
  }

  @Test("Edits apply in order and to resources that are missing")
  func order() throws {
    let edits = [
      AttributeEdit(.upsert, key: "a", from: .value("1")), AttributeEdit(.upsert, key: "b", from: .attribute("a")),
      AttributeEdit(.delete, key: "a"),
    ]
    var batch = try TelemetryBatch(.traces, json: ["resourceSpans": [["scopeSpans": [["spans": [[:]]]]]]])
    try batch.editResources(edits)
    #expect(try attributes(batch) == ["b": "1"])
    #expect(batch.itemCount == 1)
  }

  @Test("All else stays as it was", arguments: Signal.allCases)
  func rest(signal: Signal) throws {
    let original = try TelemetryBatch(signal, validating: Fixture(signal: signal).protobuf)
    var batch = original
    try batch.editResources([AttributeEdit(.upsert, key: "added", from: .value("v"))])
    #expect(batch.bytes.count > original.bytes.count)
    try batch.editResources([AttributeEdit(.delete, key: "added")])
    let (expected, actual) = (try original.json(), try batch.json())
    let name = signal == .traces ? "resourceSpans" : signal == .metrics ? "resourceMetrics" : "resourceLogs"
    // A resource that was there and empty is gone; nothing tells the two apart but its presence.
    for index in 0..<(expected[name]?.array?.count ?? 0) {
      var (left, right) = (expected[name]?[index], actual[name]?[index])
      if left?["resource"] == [:] { left?["resource"] = nil }
      if right?["resource"] == [:] { right?["resource"] = nil }
      #expect(left == right)
    }
  }

  private func request(_ attributes: JSONValue) -> JSONValue {
    let list = (attributes.object ?? [:]).map {
      ["key": .string($0.key), "value": ["stringValue": $0.value]] as JSONValue
    }
    return ["resourceSpans": [["resource": ["attributes": .array(list)]]]]
  }

  /// The attributes of the first resource; strings without their type.
  private func attributes(_ batch: TelemetryBatch) throws -> JSONValue {
    var result = JSONObject()
    for attribute in try batch.json().at("resourceSpans")?[0]?.at("resource", "attributes")?.array ?? [] {
      let value = attribute["value"]
      result[attribute["key"]?.string ?? ""] = value?["stringValue"] ?? value
    }
    return .object(result)
  }
}
