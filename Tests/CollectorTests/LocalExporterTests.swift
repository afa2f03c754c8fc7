import Concurrency
import Glibc
import JSON
import Telemetry
import TestSupport
import Testing

@testable import Collector

@Suite("Exporters of files and text") struct LocalExporterTests {
  private func settings(_ value: JSONValue) -> FileExporterSettings {
    FileExporterSettings(Settings(value, path: "", findings: ConfigurationFindings()))
  }

  @Test("Each batch is a line of JSON; the file begins anew unless asked to go on")
  func json() async throws {
    let directory = try TemporaryDirectory()
    let path = JSONValue.string("\(directory.path)/out")
    for appends in [false, true, false] {
      let sender = try FileSender(settings(["path": path, "append": .bool(appends)]))
      _ = try await sender.send(spans("a"))
      _ = try await sender.send(spans("b"))
      await sender.close()
      #expect(try directory.lines("out").map(spanNames) == (appends ? [["a"], ["b"], ["a"], ["b"]] : [["a"], ["b"]]))
    }
  }

  @Test("Protobuf messages follow their length")
  func protobuf() async throws {
    let directory = try TemporaryDirectory()
    let sender = try FileSender(settings(["path": .string("\(directory.path)/out"), "format": "proto"]))
    let batch = try spans("a")
    _ = try await sender.send(batch)
    await sender.close()
    #expect(try directory.contents("out") == [0, 0, 0, UInt8(batch.bytes.count)] + batch.bytes)
  }

  @Test("A full file is numbered and the oldest is removed")
  func rotation() async throws {
    let directory = try TemporaryDirectory()
    var settings = settings(["path": .string("\(directory.path)/out")])
    settings.rotation = FileExporterSettings.Rotation(maximumSize: 100, maximumBackups: 2)
    let sender = try FileSender(settings)
    for name in ["a", "b", "c", "d"] { _ = try await sender.send(spans(name)) }
    await sender.close()
    #expect(try directory.lines("out").map(spanNames) == [["d"]])
    #expect(try directory.lines("out.1").map(spanNames) == [["c"]])
    #expect(try directory.lines("out.2").map(spanNames) == [["b"]])
    #expect(access("\(directory.path)/out.3", F_OK) != 0)
  }

  @Test("A file that cannot be opened is an error that names it")
  func unwritable() {
    let error = #expect(throws: ConfigurationError.self) { try FileSender(settings(["path": "/nowhere/out"])) }
    #expect(error?.description == "file exporter: cannot open /nowhere/out: No such file or directory")
  }

  @Test("Debug shows counts, items or everything", arguments: DebugExporterSettings.Verbosity.allCases)
  func debug(verbosity: DebugExporterSettings.Verbosity) async throws {
    let written = Locked("")
    var settings = DebugExporterSettings(Settings(nil, path: "", findings: ConfigurationFindings()))
    settings.verbosity = verbosity
    var sender = DebugSender(name: "debug", settings: settings, logger: silent)
    sender.write = { text in written.withLock { $0 += text } }
    let request: JSONValue = [
      "resourceSpans": [
        [
          "resource": ["attributes": [["key": "service.name", "value": ["stringValue": "cart"]]]],
          "scopeSpans": [
            [
              "spans": [
                [
                  "name": "GET /", "spanId": "0102030405060708", "startTimeUnixNano": "1000000",
                  "endTimeUnixNano": "3500000", "attributes": [["key": "n", "value": ["intValue": "5"]]],
                ]
              ]
            ]
          ],
        ]
      ]
    ]
    _ = try await sender.send(TelemetryBatch(.traces, json: request))
    let expected =
      switch verbosity {
      case .basic: ""
      case .normal: "resource service.name=cart\n  span GET / 0102030405060708 2.5ms n=5\n"
      case .detailed:
        """
        resourceSpans 0:
          resource:
            attributes:
              service.name: cart
          scopeSpans 0:
            spans 0:
              spanId: 0102030405060708
              name: GET /
              startTimeUnixNano: 1000000
              endTimeUnixNano: 3500000
              attributes:
                n: 5

        """
      }
    #expect(written.withLock { $0 } == expected)
  }

  @Test("Logs and metrics are lines, too")
  func otherSignals() throws {
    let logs: JSONValue = [
      "resourceLogs": [
        [
          "scopeLogs": [
            ["logRecords": [["severityText": "WARN", "body": ["kvlistValue": ["values": [["key": "a"]]]]]]]
          ]
        ]
      ]
    ]
    #expect(TelemetryText.lines(logs) == "resource \n  log WARN {a=-} \n")
    let metrics: JSONValue = [
      "resourceMetrics": [
        ["scopeMetrics": [["metrics": [["name": "m", "sum": ["dataPoints": [["asInt": "5"], ["asDouble": 1]]]]]]]]
      ]
    ]
    #expect(TelemetryText.lines(metrics) == "resource \n  metric m sum 5 \n  metric m sum 1 \n")
  }

  @Test("Metrics are Prometheus text")
  func prometheus() {
    let metrics = CollectorMetrics()
    metrics.counter("c_total", help: "Counts.", [("a", "x\"\\\n")]).add(3)
    metrics.counter("c_total", help: "Counts.", [("a", "x\"\\\n")]).add(4)
    metrics.gauge("g", help: "Shows.") { 5 }
    metrics.gauge("g", help: "Shows.") { 6 }
    metrics.gauge("gone", help: "Shows.") { 6 }
    metrics.removeGauges(named: "gone")
    #expect(
      metrics.prometheusText() == """
        # HELP c_total Counts.
        # TYPE c_total counter
        c_total{a="x\\"\\\\\\n"} 7
        # HELP g Shows.
        # TYPE g gauge
        g 6

        """)
    #expect(CollectorMetrics.labelName("service.name") == "service_name")
  }
}
