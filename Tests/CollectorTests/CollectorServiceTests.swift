import Concurrency
import EventLoop
import HTTPClient
import HTTPTransport
import JSON
import Telemetry
import TestSupport
import Testing

@testable import Collector

/// A collector over real sockets, with libcurl as the sender.
@Suite("Running collector") struct CollectorServiceTests {
  private static let head = """
    receivers: {otlp: {protocols: {grpc: {endpoint: "127.0.0.1:0"}, http: {endpoint: "127.0.0.1:0"}}}}
    extensions: {health_check: {endpoint: "127.0.0.1:0"}}
    """

  private static func configuration(_ exporters: String, _ service: String, processors: String = "{}") throws
    -> CollectorConfiguration
  {
    let text = """
      \(head)
      processors: \(processors)
      exporters: \(exporters)
      service:
        extensions: [health_check]
        telemetry: {metrics: {address: "127.0.0.1:0"}, resource: {service.name: test}}
        pipelines: \(service)
      """
    return try CollectorConfiguration(Array(text.utf8)) { _ in nil }
  }

  /// Starts a collector, runs the body and stops it.
  private func withCollector(
    _ configuration: CollectorConfiguration, _ body: (CollectorService, Sender) async throws -> Void
  ) async throws {
    let service = try CollectorService(logger: silent)
    try await service.start(configuration)
    let sender = Sender(service: service, client: HTTPClient())
    do {
      try await body(service, sender)
    } catch {
      await service.stop(grace: .seconds(5))
      throw error
    }
    await service.stop(grace: .seconds(5))
    sender.client.shutdown()
  }

  @Test("Every signal goes through processors to a file, in both encodings", arguments: Signal.allCases)
  func throughput(signal: Signal) async throws {
    let directory = try TemporaryDirectory()
    let configuration = try Self.configuration(
      "{file: {path: \(directory.path)/out}}",
      "{\(signal.rawValue): {receivers: [otlp], processors: [resource/node, batch], exporters: [file]}}",
      processors: "{resource/node: {attributes: [{key: node, value: n1, action: upsert}]}, batch: {timeout: 1ms}}")
    let request: JSONValue =
      switch signal {
      case .traces: ["resourceSpans": [["scopeSpans": [["spans": [["name": "s"]]]]]]]
      case .metrics: ["resourceMetrics": [["scopeMetrics": [["metrics": [["gauge": ["dataPoints": [[:]]]]]]]]]]
      case .logs: ["resourceLogs": [["scopeLogs": [["logRecords": [["severityText": "WARN"]]]]]]]
      }
    try await withCollector(configuration) { service, sender in
      let json = try await sender.post(signal.httpPath, MediaType.json, request.serialized())
      #expect(json.status == 200)
      #expect(json.body == Array("{}".utf8))
      let batch = try TelemetryBatch(signal, json: request)
      let protobuf = try await sender.post(signal.httpPath, MediaType.protobuf, batch.bytes)
      #expect(protobuf.status == 200)
      #expect(protobuf.body == [])
      let packed = try await sender.post(
        signal.httpPath, MediaType.protobuf, Gzip.compress(batch.bytes), [("content-encoding", "gzip")])
      #expect(packed.status == 200)
      let name =
        ["traces": "resourceSpans", "metrics": "resourceMetrics", "logs": "resourceLogs"][signal.rawValue] ?? ""
      try await eventually("the file holds all") {
        try directory.lines("out").compactMap { $0[name]?.array?.count }.reduce(0, +) == 3
      }
      let node: JSONValue = [["key": "node", "value": ["stringValue": "n1"]]]
      #expect(try directory.lines("out")[0][name]?[0]?.at("resource", "attributes") == node)
      let metrics = await service.metricsText
      let label = "receiver=\"otlp\",transport=\"http\""
      #expect(metrics.contains("otelcol_receiver_accepted_\(signal.itemName){\(label)} 3\n"))
      #expect(metrics.contains("otelcol_exporter_sent_\(signal.itemName){exporter=\"file\"} 3\n"))
    }
  }

  @Test("Requests that are no OTLP are answered with what is wrong")
  func badRequests() async throws {
    let configuration = try Self.configuration(
      "{debug: }", "{traces: {receivers: [otlp], exporters: [debug]}}")
    try await withCollector(configuration) { service, sender in
      let empty = try await sender.post("/v1/traces", MediaType.protobuf, [])
      #expect(empty.status == 200)
      #expect(try await sender.post("/v1/logs", MediaType.protobuf, []).status == 404)
      #expect(try await sender.post("/other", MediaType.protobuf, []).status == 404)
      #expect(try await sender.post("/v1/traces", "text/plain", []).status == 415)
      #expect(try await sender.request("GET", "/v1/traces").status == 405)
      let broken = try await sender.post("/v1/traces", MediaType.protobuf, [0x0a, 9])
      #expect(broken.status == 400)
      #expect(ExportFailure.message(decoding: broken.body)?.contains("at byte 0") == true)
      let text = try await sender.post("/v1/traces", "application/json; charset=utf-8", Array("[".utf8))
      #expect(text.status == 400)
      #expect(try JSONValue(parsing: text.body)["message"]?.string?.hasPrefix("invalid OTLP/JSON") == true)
      let gzip = try await sender.post("/v1/traces", MediaType.protobuf, [1, 2], [("content-encoding", "gzip")])
      #expect(gzip.status == 400)
    }
  }

  @Test("Health and metrics are served")
  func health() async throws {
    let configuration = try Self.configuration("{debug: }", "{traces: {receivers: [otlp], exporters: [debug]}}")
    try await withCollector(configuration) { service, sender in
      let health = try #require(await service.healthAddress())
      let answer = try await sender.client.send(HTTPClientRequest(method: "GET", url: "http://\(health)/"))
      #expect(answer.status == 200)
      #expect(try JSONValue(parsing: answer.body)["status"] == "Server available")
      let address = try #require(await service.metricsAddress)
      let metrics = try await sender.client.send(HTTPClientRequest(method: "GET", url: "http://\(address)/metrics"))
      let text = String(decoding: metrics.body, as: UTF8.self)
      #expect(text.contains("target_info{service_name=\"test\"} 1\n"))
      #expect(text.contains("# TYPE otelcol_process_memory_rss gauge\n"))
    }
  }

  @Test("A peer that fails first gets the data; one that refuses for good does not get it again")
  func retry() async throws {
    let peer = try Peer(answers: [503, 200, 400, 200])
    defer { peer.stop() }
    let configuration = try Self.configuration(
      """
      {otlphttp: {endpoint: "http://\(peer.address)", compression: none, headers: {x-tenant: a},
        retry_on_failure: {initial_interval: 1ms}}}
      """, "{traces: {receivers: [otlp], exporters: [otlphttp]}}")
    try await withCollector(configuration) { service, sender in
      for name in ["a", "b", "c"] {
        #expect(try await sender.send(name) == 200)
        let count = ["a": 2, "b": 3, "c": 4][name] ?? 0
        try await eventually("the peer is asked \(count) times") { peer.requests.count == count }
      }
      let requests = peer.requests
      #expect(
        requests.map { (try? TelemetryBatch(.traces, validating: $0.body)).map(names) } == [["a"], ["a"], ["b"], ["c"]])
      #expect(requests[0].path == "/v1/traces")
      #expect(requests[0].header("x-tenant") == "a")
      #expect(requests[0].header("content-type") == MediaType.protobuf)
      try await eventually("the counters know") {
        let metrics = await service.metricsText
        return metrics.contains("otelcol_exporter_sent_spans{exporter=\"otlphttp\"} 2\n")
          && metrics.contains("otelcol_exporter_send_failed_spans{exporter=\"otlphttp\"} 1\n")
      }
    }
  }

  @Test("Senders are told to come back when the peer cannot take more")
  func backPressure() async throws {
    let peer = try Peer(answers: [503])
    defer { peer.stop() }
    let configuration = try Self.configuration(
      """
      {otlphttp: {endpoint: "http://\(peer.address)", encoding: json, compression: gzip,
        retry_on_failure: {enabled: false}, sending_queue: {enabled: false}}}
      """, "{traces: {receivers: [otlp], exporters: [otlphttp]}}")
    try await withCollector(configuration) { service, sender in
      let batch = try spans("a")
      let refused = try await sender.post("/v1/traces", MediaType.protobuf, batch.bytes)
      #expect(refused.status == 503)
      #expect(refused.headers.contains { $0.name == "retry-after" && $0.value == "1" })
      #expect(ExportFailure.message(decoding: refused.body)?.contains("answered 503") == true)
      #expect(try await sender.send("a") == 200)
      let last = try #require(peer.requests.last)
      #expect(try spanNames(JSONValue(parsing: last.body)) == ["a"])
      #expect(
        await service.metricsText.contains("otelcol_receiver_refused_spans{receiver=\"otlp\",transport=\"http\"} 1\n"))
    }
  }

  @Test("A reload keeps the listener and sends what the old pipelines hold")
  func reload() async throws {
    let directory = try TemporaryDirectory()
    let first = try Self.configuration(
      "{file/1: {path: \(directory.path)/1}}",
      "{traces: {receivers: [otlp], processors: [batch], exporters: [file/1]}}",
      processors: "{batch: {timeout: 1h}}")
    let second = try Self.configuration(
      "{file/1: {path: \(directory.path)/1}, file/2: {path: \(directory.path)/2}}",
      "{traces: {receivers: [otlp], exporters: [file/1, file/2]}}")
    try await withCollector(first) { service, sender in
      let address = await service.address("otlp", .http)
      #expect(try await sender.send("a") == 200)
      #expect(try directory.lines("1") == [])
      try await service.reload(second)
      #expect(await service.address("otlp", .http) == address)
      #expect(try await sender.send("b") == 200)
      #expect(try directory.lines("1").map(spanNames) == [["a"], ["b"]])
      #expect(try directory.lines("2").map(spanNames) == [["b"]])
    }
  }

  @Test("The end sends what is held")
  func shutdown() async throws {
    let directory = try TemporaryDirectory()
    let configuration = try Self.configuration(
      "{file: {path: \(directory.path)/out}}",
      "{traces: {receivers: [otlp], processors: [batch], exporters: [file]}}", processors: "{batch: {timeout: 1h}}")
    try await withCollector(configuration) { _, sender in
      let status = try await sender.send("a")
      #expect(status == 200)
    }
    #expect(try directory.lines("out").map(spanNames) == [["a"]])
  }

  @Test("An address that is taken is an error, and nothing listens")
  func addressInUse() async throws {
    let peer = try Peer(answers: [])
    defer { peer.stop() }
    let text = """
      receivers: {otlp: {protocols: {http: {endpoint: "\(peer.address)"}}}}
      exporters: {debug: }
      service: {telemetry: {metrics: {level: none}}, pipelines: {traces: {receivers: [otlp], exporters: [debug]}}}
      """
    let configuration = try CollectorConfiguration(Array(text.utf8)) { _ in nil }
    let service = try CollectorService(logger: silent)
    let error = await #expect(throws: ConfigurationError.self) { try await service.start(configuration) }
    #expect(error?.description.hasPrefix("receivers.otlp.protocols.http.endpoint: cannot listen at") == true)
  }
}

/// Sends to the HTTP listener of a collector.
private struct Sender {
  let service: CollectorService
  let client: HTTPClient

  func post(
    _ path: String, _ type: String, _ body: [UInt8], _ headers: [(name: String, value: String)] = []
  ) async throws -> HTTPClientResponse {
    try await request("POST", path, headers: [("content-type", type)] + headers, body: body)
  }

  /// Sends one span and returns the status.
  func send(_ span: String) async throws -> Int {
    let batch = try spans(span)
    return try await post("/v1/traces", MediaType.protobuf, batch.bytes).status
  }

  func request(
    _ method: String, _ path: String, headers: [(name: String, value: String)] = [], body: [UInt8]? = nil
  ) async throws -> HTTPClientResponse {
    let address = try #require(await service.address("otlp", .http))
    return try await client.send(
      HTTPClientRequest(method: method, url: "http://\(address)\(path)", headers: headers, body: body))
  }
}

/// A backend that answers with these statuses, then with 200.
private final class Peer: Sendable {
  private let loop: EventLoop
  private let server: HTTPServer
  private let state: Locked<(answers: [Int], requests: [HTTPRequest])>

  init(answers: [Int]) throws {
    let state = Locked<(answers: [Int], requests: [HTTPRequest])>((answers, []))
    self.state = state
    loop = try EventLoop(name: "peer")
    server = try HTTPServer(
      configuration: HTTPServerConfiguration(address: .tcp(host: "127.0.0.1", port: 0)), loop: loop,
      handler: .inline { request in
        let status = state.withLock { state in
          state.requests.append(request)
          return state.answers.isEmpty ? 200 : state.answers.removeFirst()
        }
        return HTTPResponse(status: status, contentType: MediaType.protobuf)
      })
  }

  var address: SocketAddress { server.address }
  var requests: [HTTPRequest] { state.withLock { $0.requests } }

  func stop() {
    let (server, loop) = (server, loop)
    Task {
      await server.shutdown(grace: .zero)
      loop.shutdown()
    }
  }
}
