import HTTPClient
import JSON

/// What the API server, or the way to it, answered instead of the object.
public struct KubeError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The HTTP status; 0 when there was no answer.
  public var status: Int
  /// `reason` of the Status object, such as "NotFound", "AlreadyExists", "Conflict", "Gone", "Expired"; one of
  /// `LocalReason` when there was no answer.
  public var reason: String
  /// The message.
  public var message: String
  /// How long the server asks to stay away, in seconds.
  public var retryAfterSeconds: Int?
  /// Makes the error.
  public init(status: Int, reason: String, message: String) {
    self.status = status
    self.reason = reason
    self.message = message
  }
  /// No such object or kind.
  public var isNotFound: Bool { status == 404 }
  /// Someone else changed or made the object.
  public var isConflict: Bool { status == 409 }
  /// The version or continue token is too old: list anew.
  public var isGone: Bool { status == 410 }
  /// The waiting task was cancelled.
  public var isCancelled: Bool { status == 0 && reason == LocalReason.cancelled }
  /// No answer, or nothing more of it, in time.
  public var isTimeout: Bool { status == 0 && reason == LocalReason.timeout }
  /// The same request may succeed later: no answer, overload, or a fault of the server.
  public var isTransient: Bool {
    status == 429 || status >= 500
      || (status == 0 && (reason == LocalReason.unreachable || reason == LocalReason.timeout))
  }
  /// The reason and the message.
  public var description: String { "\(reason.isEmpty ? String(status) : reason): \(message)" }
}

extension KubeError {
  static func configuration(_ message: String) -> KubeError {
    KubeError(status: 0, reason: LocalReason.invalidConfiguration, message: message)
  }

  static func answer(_ message: String) -> KubeError {
    KubeError(status: 0, reason: LocalReason.invalidAnswer, message: message)
  }

  /// From a Status object (metav1.Status), as in answers and in ERROR events of watches.
  init(statusObject: JSONValue, status fallback: Int, request: String) {
    let code = statusObject["code"]?.int ?? fallback
    var message = statusObject["message"]?.string ?? ""
    if message.isEmpty { message = "the server answered \(code)" }
    // Without a name in it the message says nothing of what was asked for.
    if statusObject.at("details", "name") == nil, !request.isEmpty { message += " (\(request))" }
    self.init(status: code, reason: statusObject["reason"]?.string ?? Self.reason(of: code), message: message)
    retryAfterSeconds = statusObject.at("details", "retryAfterSeconds")?.int
  }

  /// From any failed answer; proxies and old paths of the server answer with plain text.
  init(response: HTTPClientResponse, request: String) {
    if let object = try? JSONValue(parsing: response.body), object["kind"]?.string == "Status" {
      self.init(statusObject: object, status: response.status, request: request)
    } else {
      let text = String(decoding: response.body.prefix(300), as: UTF8.self)
      let line = text.split(whereSeparator: \.isNewline).joined(separator: " ")
      self.init(
        status: response.status, reason: Self.reason(of: response.status),
        message: "the server answered \(response.status)\(line.isEmpty ? "" : ": \(line)") (\(request))")
    }
    if retryAfterSeconds == nil { retryAfterSeconds = response.header("retry-after").flatMap { Int($0) } }
  }

  /// From a transfer that failed; `server` says which server and where its address came from.
  init(transfer error: HTTPClientError, server: String, request: String) {
    if error.isCancellation {
      self.init(status: 0, reason: LocalReason.cancelled, message: "\(request): \(error.description)")
    } else if error.isTimeout {
      self.init(
        status: 0, reason: LocalReason.timeout, message: "\(server) did not answer: \(error.description) (\(request))")
    } else if error.isConnectionFailure {
      self.init(
        status: 0, reason: LocalReason.unreachable, message: "cannot reach \(server): \(error.description)")
    } else {
      self.init(
        status: 0, reason: LocalReason.unreachable, message: "\(server): \(error.description) (\(request))")
    }
  }

  /// The reason that apimachinery gives to a status without one.
  private static func reason(of status: Int) -> String {
    switch status {
    case 400: "BadRequest"
    case 401: "Unauthorized"
    case 403: "Forbidden"
    case 404: "NotFound"
    case 405: "MethodNotAllowed"
    case 406: "NotAcceptable"
    case 409: "Conflict"
    case 410: "Gone"
    case 413: "RequestEntityTooLarge"
    case 415: "UnsupportedMediaType"
    case 422: "Invalid"
    case 429: "TooManyRequests"
    case 500: "InternalError"
    case 503: "ServiceUnavailable"
    case 504: "Timeout"
    default: ""
    }
  }
}
