/// Responses as HTTP/1.1 bytes.
enum HTTP1Response {
  static let continueLine = Array("HTTP/1.1 100 Continue\r\n\r\n".utf8)

  /// Appends the response; `isHead` leaves the body out and keeps its length.
  static func append(
    _ response: HTTPResponse, to output: inout [UInt8], keepsAlive: Bool, isHTTP10: Bool, isHead: Bool, date: String
  ) {
    output.reserveCapacity(output.count + 256 + (isHead ? 0 : response.body.count))
    output.append(contentsOf: "HTTP/1.1 \(response.status) \(reason(response.status))\r\ndate: \(date)\r\n".utf8)
    let hasBody = hasBody(response.status)
    if hasBody {
      if !response.body.isEmpty { output.append(contentsOf: "content-type: \(response.contentType)\r\n".utf8) }
      output.append(contentsOf: "content-length: \(response.body.count)\r\n".utf8)
    }
    for field in response.headers {
      output.append(contentsOf: "\(field.name): \(field.value)\r\n".utf8)
    }
    if !keepsAlive {
      output.append(contentsOf: "connection: close\r\n".utf8)
    } else if isHTTP10 {
      output.append(contentsOf: "connection: keep-alive\r\n".utf8)
    }
    output.append(contentsOf: "\r\n".utf8)
    if hasBody, !isHead { output.append(contentsOf: response.body) }
  }

  /// Whether responses of that status have a body (RFC 9110 section 6.4.1).
  static func hasBody(_ status: Int) -> Bool { status >= 200 && status != 204 && status != 304 }

  static func reason(_ status: Int) -> String {
    switch status {
    case 200: "OK"
    case 201: "Created"
    case 202: "Accepted"
    case 204: "No Content"
    case 304: "Not Modified"
    case 400: "Bad Request"
    case 401: "Unauthorized"
    case 403: "Forbidden"
    case 404: "Not Found"
    case 405: "Method Not Allowed"
    case 408: "Request Timeout"
    case 409: "Conflict"
    case 413: "Content Too Large"
    case 415: "Unsupported Media Type"
    case 417: "Expectation Failed"
    case 429: "Too Many Requests"
    case 431: "Request Header Fields Too Large"
    case 500: "Internal Server Error"
    case 501: "Not Implemented"
    case 503: "Service Unavailable"
    case 504: "Gateway Timeout"
    case 505: "HTTP Version Not Supported"
    default: "Status"
    }
  }
}
