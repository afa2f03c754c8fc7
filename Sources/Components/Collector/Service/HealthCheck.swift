import HTTPTransport
import JSON
import Synchronization

/// Whether the pipelines run.
final class ReadyFlag: Sendable {
  private let flag = Atomic<Bool>(false)
  var isSet: Bool { flag.load(ordering: .acquiring) }
  func set(_ value: Bool) { flag.store(value, ordering: .releasing) }
}

/// The extension `health_check`: what probes ask.
struct HealthCheck: Sendable {
  let path: String
  let isReady: ReadyFlag
  private let start = ContinuousClock.now

  init(path: String, isReady: ReadyFlag) {
    self.path = path
    self.isReady = isReady
  }

  func answer(_ request: HTTPRequest) -> HTTPResponse {
    guard request.path == path else { return HTTPResponse(status: 404, contentType: "text/plain") }
    let isReady = isReady.isSet
    let body: JSONValue = [
      "status": .string(isReady ? "Server available" : "Server not available"),
      "uptime": .string("\((ContinuousClock.now - start).components.seconds)s"),
    ]
    return HTTPResponse(status: isReady ? 200 : 503, body: body.serialized())
  }
}
