import HTTPClient
import HTTPTransport
import JSON
import Telemetry

/// Sends OTLP over HTTP.
struct OTLPHTTPSender: TelemetrySender {
  /// Status codes after which OTLP/HTTP lets a request be sent again.
  private static let retryableStatuses: Set<Int> = [429, 502, 503, 504]
  private static let contentTooLarge = 413
  /// The most of an answer that is read.
  private static let maximumAnswer = 64 << 10

  let client: HTTPClient
  let settings: OTLPHTTPExporterSettings
  let log: RareLog

  func send(_ batch: TelemetryBatch) async throws(DeliveryError) -> Int {
    guard let url = settings.urls[batch.signal] else {
      throw .permanent("no endpoint or \(batch.signal.rawValue)_endpoint is set")
    }
    let request = try request(url, batch)
    let response: HTTPClientResponse
    do {
      response = try await client.send(request, limit: Self.maximumAnswer)
    } catch {
      throw .retryable("\(url): \(error)")
    }
    guard (200..<300).contains(response.status) else { throw failure(url, response) }
    return rejected(batch, response.body)
  }

  func close() async { client.shutdown() }

  private func request(_ url: String, _ batch: TelemetryBatch) throws(DeliveryError) -> HTTPClientRequest {
    var headers = settings.delivery.headers.map { (name: $0.name, value: $0.value) }
    var body = batch.bytes
    switch settings.encoding {
    case .proto: headers.append(("content-type", MediaType.protobuf))
    case .json:
      headers.append(("content-type", MediaType.json))
      do {
        body = try batch.json().serialized()
      } catch {
        throw .permanent(error.description)
      }
    }
    if settings.delivery.compression == .gzip {
      headers.append(("content-encoding", "gzip"))
      body = Gzip.compress(body)
    }
    return HTTPClientRequest(
      method: "POST", url: url, headers: headers, body: body, timeout: settings.delivery.timeout)
  }

  private func failure(_ url: String, _ response: HTTPClientResponse) -> DeliveryError {
    let text =
      switch settings.encoding {
      case .proto: ExportFailure.message(decoding: response.body)
      case .json: (try? JSONValue(parsing: response.body))?["message"]?.string
      }
    let detail = text ?? String(decoding: response.body.prefix(200), as: UTF8.self)
    let header = response.headers.first { $0.name == "retry-after" }?.value
    return DeliveryError(
      kind: Self.retryableStatuses.contains(response.status)
        ? .retryable : response.status == Self.contentTooLarge ? .tooLarge : .permanent,
      retryAfter: header.flatMap { Int($0) }.map { .seconds(min(max(0, $0), 3600)) },
      description: "\(url) answered \(response.status)\(detail.isEmpty ? "" : ": \(detail)")")
  }

  private func rejected(_ batch: TelemetryBatch, _ body: [UInt8]) -> Int {
    guard settings.encoding == .proto, let response = try? ExportResponse(batch.signal, decoding: body),
      response.isPartial
    else { return 0 }
    log.warning("peer rejected \(response.rejectedItems) \(batch.signal.itemName): \(response.message)")
    return min(max(0, response.rejectedItems), batch.itemCount)
  }
}

/// The media types of OTLP/HTTP.
enum MediaType {
  static let protobuf = "application/x-protobuf"
  static let json = "application/json"
}
