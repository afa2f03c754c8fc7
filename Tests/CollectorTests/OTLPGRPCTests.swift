import EventLoop
import HTTPClient
import HTTPTransport
import JSON
import Telemetry
import TestSupport
import Testing

@testable import Collector

/// Collectors that speak gRPC with one another and with a bare client.
@Suite("OTLP over gRPC") struct OTLPGRPCTests {
  private func configuration(_ receiver: String, _ exporter: String, _ signals: String = "traces") throws
    -> CollectorConfiguration
  {
    let text = """
      receivers: {otlp: {protocols: {grpc: \(receiver)}}}
      exporters: {\(exporter)}
      service:
        telemetry: {metrics: {level: none}}
        pipelines:
          \(signals): {receivers: [otlp], exporters: [\(exporter.prefix { $0 != ":" })]}
      """
    return try CollectorConfiguration(Array(text.utf8)) { _ in nil }
  }

  private func running(_ configuration: CollectorConfiguration) async throws -> (CollectorService, SocketAddress) {
    let service = try CollectorService(logger: silent)
    try await service.start(configuration)
    return (service, try #require(await service.address("otlp", .grpc)))
  }

  @Test(
    "One collector sends to another, in the clear, compressed, and under TLS",
    arguments: [
      ("tls: {insecure: true}, compression: none", false), ("tls: {insecure: true}, compression: gzip", false),
      ("tls: {ca_file: CERTIFICATE}", true), ("tls: {insecure_skip_verify: true}", true),
    ])
  func chain(settings: String, usesTLS: Bool) async throws {
    let directory = try TemporaryDirectory()
    let fixtures = "\(#filePath.dropLast("CollectorTests/OTLPGRPCTests.swift".count))Fixtures/tls"
    let tls = ", tls: {cert_file: \(fixtures)/certificate.pem, key_file: \(fixtures)/key.pem}"
    let (gateway, address) = try await running(
      configuration(
        "{endpoint: \"127.0.0.1:0\"\(usesTLS ? tls : "")}", "file: {path: \(directory.path)/out}"))
    let options = settings.replacing("CERTIFICATE", with: "\(fixtures)/certificate.pem")
    let (node, nodeAddress) = try await running(
      configuration("{endpoint: \"127.0.0.1:0\"}", "otlp: {endpoint: \"dns:///\(address)\", \(options)}"))
    let loop = try EventLoop(name: "test")
    let client = GRPCClient(address: nodeAddress, loop: loop)
    let names = (0..<500).map { "span \($0)" }
    let reply = try await client.unary(Signal.traces.grpcPath, spans(names).bytes, timeout: .seconds(10))
    #expect(reply == [])
    try await eventually("the gateway has all") { try directory.lines("out").map(spanNames) == [names] }
    client.close()
    loop.shutdown()
    await node.stop(grace: .seconds(5))
    await gateway.stop(grace: .seconds(5))
  }

  @Test("A batch that the peer finds too large arrives in parts")
  func tooLarge() async throws {
    let directory = try TemporaryDirectory()
    let (gateway, address) = try await running(
      configuration("{endpoint: \"127.0.0.1:0\", max_recv_msg_size_mib: 1}", "file: {path: \(directory.path)/out}"))
    let (node, nodeAddress) = try await running(
      configuration("{endpoint: \"127.0.0.1:0\"}", "otlp: {endpoint: \"\(address)\", tls: {insecure: true}}"))
    let loop = try EventLoop(name: "test")
    let client = GRPCClient(address: nodeAddress, loop: loop)
    let names = (0..<50_000).map { "a long name of span \($0)" }
    _ = try await client.unary(Signal.traces.grpcPath, spans(names).bytes, timeout: .seconds(10))
    try await eventually("all parts have come") { try directory.lines("out").flatMap(spanNames) == names }
    client.close()
    loop.shutdown()
    await node.stop(grace: .seconds(5))
    await gateway.stop(grace: .seconds(5))
  }

  @Test("A peer whose certificate is not trusted gets nothing")
  func untrusted() async throws {
    let fixtures = "\(#filePath.dropLast("CollectorTests/OTLPGRPCTests.swift".count))Fixtures/tls"
    let directory = try TemporaryDirectory()
    let (gateway, address) = try await running(
      configuration(
        "{endpoint: \"127.0.0.1:0\", tls: {cert_file: \(fixtures)/certificate.pem, key_file: \(fixtures)/key.pem}}",
        "file: {path: \(directory.path)/out}"))
    let (node, nodeAddress) = try await running(
      configuration(
        "{endpoint: \"127.0.0.1:0\"}",
        "otlp: {endpoint: \"\(address)\", retry_on_failure: {enabled: false}, sending_queue: {enabled: false}}"))
    let status = try await failure(nodeAddress, Signal.traces.grpcPath, spans("a").bytes)
    #expect(status?.code == 14)
    #expect(try directory.lines("out") == [])
    await node.stop(grace: .seconds(5))
    await gateway.stop(grace: .seconds(5))
  }

  @Test("Failures have the status that tells senders what to do")
  func statuses() async throws {
    let loop = try EventLoop(name: "gone")
    let gone = try HTTPServer(
      configuration: HTTPServerConfiguration(address: .tcp(host: "127.0.0.1", port: 0)), loop: loop,
      handler: .inline { _ in HTTPResponse(status: 200) })
    let closed = gone.address
    await gone.shutdown(grace: .zero)
    loop.shutdown()
    let (service, address) = try await running(
      configuration(
        "{endpoint: \"127.0.0.1:0\", max_recv_msg_size_mib: 1}",
        "otlp: {endpoint: \"\(closed)\", tls: {insecure: true}, retry_on_failure: {enabled: false}, "
          + "sending_queue: {enabled: false}}"))
    #expect(try await failure(address, Signal.logs.grpcPath, [])?.code == 12)
    #expect(try await failure(address, "/other.Service/Export", [])?.code == 12)
    #expect(try await failure(address, Signal.traces.grpcPath, [0x0a, 9])?.code == 3)
    let large = try spans((0..<200_000).map { "span \($0)" })
    #expect(try await failure(address, Signal.traces.grpcPath, large.bytes)?.code == 8)
    let unavailable = try await failure(address, Signal.traces.grpcPath, spans("a").bytes)
    #expect(unavailable?.code == 14)
    #expect(
      await service.metricsText.contains("otelcol_receiver_refused_spans{receiver=\"otlp\",transport=\"grpc\"} 1\n"))
    await service.stop(grace: .seconds(5))
  }

  /// The status of a call that must fail.
  private func failure(_ address: SocketAddress, _ path: String, _ message: [UInt8]) async throws -> GRPCStatus? {
    let loop = try EventLoop(name: "test")
    defer { loop.shutdown() }
    let client = GRPCClient(address: address, loop: loop)
    defer { client.close() }
    do {
      _ = try await client.unary(path, message, timeout: .seconds(10))
      return nil
    } catch {
      return error
    }
  }
}
