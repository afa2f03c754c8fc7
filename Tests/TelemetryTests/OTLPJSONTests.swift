import JSON
import Telemetry
import Testing

@Suite("OTLP/JSON") struct OTLPJSONTests {
  @Test("Every message is written as the reference library writes it", arguments: Signal.allCases)
  func writing(signal: Signal) throws {
    let fixture = Fixture(signal: signal)
    let batch = try TelemetryBatch(signal, validating: fixture.protobuf)
    #expect(try normalized(batch.json()) == normalized(fixture.json))
  }

  @Test("JSON becomes the same message again", arguments: Signal.allCases)
  func reading(signal: Signal) throws {
    let fixture = Fixture(signal: signal)
    let expected = try TelemetryBatch(signal, validating: fixture.protobuf)
    let batch = try TelemetryBatch(signal, json: fixture.json)
    #expect(batch.itemCount == expected.itemCount)
    #expect(try batch.json() == expected.json())
    // Protobuf text is not canonical but both sides write fields by number with the exceptions of the schema's order.
    #expect(batch.bytes.count == expected.bytes.count)
    #expect(try TelemetryBatch(signal, validating: batch.bytes).itemCount == expected.itemCount)
  }

  @Test(
    "Liberties of senders",
    arguments: [
      ("{}", 0), ("{\"resourceSpans\":null}", 0), ("{\"resourceSpans\":[],\"other\":1}", 0),
      (#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"startTimeUnixNano":1700000000000000000,"kind":2}]}]}]}"#, 1),
      (#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"endTimeUnixNano":"18446744073709551615"},{}]}]}]}"#, 2),
      (#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"5B8EFFF798038103D269B633813FC60C"}]}]}]}"#, 1),
    ])
  func liberties(text: String, count: Int) throws {
    let batch = try TelemetryBatch(.traces, json: Array(text.utf8))
    #expect(batch.itemCount == count)
    #expect(try TelemetryBatch(.traces, validating: batch.bytes).itemCount == count)
  }

  @Test(
    "Errors name the place",
    arguments: [
      ("", "no JSON"), ("[]", "ExportTraceServiceRequest must be an object"),
      ("{\"resourceSpans\":{}}", "at resourceSpans: a list is expected"),
      (
        #"{"resourceSpans":[{},{"scopeSpans":[{"spans":[{"traceId":"12"}]}]}]}"#,
        "at resourceSpans[1].scopeSpans[0].spans[0].traceId: 32 hexadecimal digits are expected"
      ),
      (
        #"{"resourceSpans":[{"scopeSpans":[{"spans":[{"kind":"SPAN_KIND_SERVER"}]}]}]}"#,
        "spans[0].kind: the number of the enumeration is expected, not its name"
      ),
      (
        #"{"resourceSpans":[{"resource":{"attributes":[{"key":"a","value":{"intValue":"9223372036854775808"}}]}}]}"#,
        "attributes[0].value.intValue: an integer from -9223372036854775808 to 9223372036854775807 is expected"
      ),
      (#"{"resourceSpans":[{"schemaUrl":5}]}"#, "resourceSpans[0].schemaUrl: a string is expected"),
      (
        #"{"resourceSpans":[{"resource":{"attributes":[{"key":"a","value":{"bytesValue":"*"}}]}}]}"#,
        "value.bytesValue: base64 text is expected"
      ),
    ])
  func errors(text: String, message: String) {
    let error = #expect(throws: OTLPJSONError.self) { try TelemetryBatch(.traces, json: Array(text.utf8)) }
    #expect(error?.description.contains(message) == true, "\(error?.description ?? "none")")
  }

  @Test("A message field that stands twice is merged, the last of a choice wins")
  func merging() throws {
    // KeyValue "a" with AnyValue{string "x"} and then AnyValue{int 5} in a second value field.
    let keyValue: [UInt8] = [0x0a, 1, 0x61, 0x12, 3, 0x0a, 1, 0x78, 0x12, 2, 0x18, 5]
    let resource = [0x0a, UInt8(keyValue.count)] + keyValue
    let resourceSpans = [0x0a, UInt8(resource.count)] + resource + [0x0a, 2, 0x10, 7]
    let batch = try TelemetryBatch(.traces, validating: [0x0a, UInt8(resourceSpans.count)] + resourceSpans)
    let expected: JSONValue = [
      "attributes": [["key": "a", "value": ["intValue": "5"]]], "droppedAttributesCount": 7,
    ]
    #expect(try batch.json()["resourceSpans"]?[0]?["resource"] == expected)
  }
}
