import HTTPTransport
import JSON
import Telemetry

/// The HTTP side of an OTLP receiver (opentelemetry-proto, docs/specification.md, "OTLP/HTTP").
struct OTLPHTTPService: Sendable {
  /// How a request and its answer are encoded.
  private enum Encoding {
    case protobuf, json

    /// Nil for media types that OTLP does not have.
    init?(contentType: String?) {
      let type = contentType?.split(separator: ";").first?.lowercased().filter { $0 != " " }
      switch type {
      case MediaType.protobuf: self = .protobuf
      case MediaType.json: self = .json
      default: return nil
      }
    }

    func response(_ status: Int, _ message: [UInt8], _ json: JSONValue) -> HTTPResponse {
      switch self {
      case .protobuf: HTTPResponse(status: status, contentType: MediaType.protobuf, body: message)
      case .json: HTTPResponse(status: status, contentType: MediaType.json, body: json.serialized())
      }
    }

    func failure(_ status: Int, _ failure: ExportFailure) -> HTTPResponse {
      response(status, failure.encoded(), failure.json())
    }
  }

  /// gRPC codes for the bodies of failures.
  private enum Code {
    static let invalidArgument = 3
    static let internalError = 13
    static let unavailable = 14
  }

  let intake: OTLPIntake
  let signals: [String: Signal]

  init(_ intake: OTLPIntake, paths: [Signal: String]) {
    self.intake = intake
    signals = Dictionary(paths.map { ($0.value, $0.key) }) { first, _ in first }
  }

  func answer(_ request: HTTPRequest) async -> HTTPResponse {
    guard let signal = signals[request.path], let pipeline = intake.pipeline(for: signal) else {
      return plain(404, "nothing is received at \(request.path); signals are received at POST /v1/<signal>")
    }
    guard request.method == "POST" else {
      var response = plain(405, "telemetry is sent by POST")
      response.headers = [("allow", "POST")]
      return response
    }
    guard let encoding = Encoding(contentType: request.header("content-type")) else {
      return plain(415, "content-type must be \(MediaType.protobuf) or \(MediaType.json)")
    }
    let batch: TelemetryBatch
    do {
      batch = try Self.batch(signal, request.body, encoding)
    } catch {
      intake.noteInvalid(error)
      return encoding.failure(400, ExportFailure(code: Code.invalidArgument, error.description))
    }
    do {
      try await intake.take(batch, .http, into: pipeline)
    } catch {
      guard error.isRetryable else {
        return encoding.failure(500, ExportFailure(code: Code.internalError, error.description))
      }
      var response = encoding.failure(503, ExportFailure(code: Code.unavailable, error.description))
      response.headers = [("retry-after", String(max(1, error.retryAfter?.components.seconds ?? 1)))]
      return response
    }
    let success = ExportResponse(signal)
    return encoding.response(200, success.encoded(), success.json())
  }

  /// Either decoder's failure, as text for the sender.
  private struct Invalid: Error, CustomStringConvertible { var description: String }

  private static func batch(
    _ signal: Signal, _ body: [UInt8], _ encoding: Encoding
  ) throws(Invalid) -> TelemetryBatch {
    switch encoding {
    case .protobuf:
      do {
        return try TelemetryBatch(signal, validating: body)
      } catch {
        throw Invalid(description: error.description)
      }
    case .json:
      do {
        return try TelemetryBatch(signal, json: body)
      } catch {
        throw Invalid(description: error.description)
      }
    }
  }

  private func plain(_ status: Int, _ text: String) -> HTTPResponse {
    HTTPResponse(status: status, contentType: "text/plain; charset=utf-8", body: Array((text + "\n").utf8))
  }
}
