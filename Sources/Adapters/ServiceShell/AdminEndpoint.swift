import HTTPTransport

/// What the admin port answers.
struct AdminEndpoint: Sendable {
  let health: HealthState

  func answer(_ request: HTTPRequest) -> HTTPResponse {
    guard request.method == "GET" || request.method == "HEAD" else {
      return text(405, "only GET is answered here\n", headers: [("allow", "GET, HEAD")])
    }
    switch request.path {
    case AdminPath.health, AdminPath.live:
      let liveness = health.liveness
      return text(liveness.isAlive ? 200 : 503, liveness.text)
    case AdminPath.ready:
      let readiness = health.readiness
      return text(readiness.isReady ? 200 : 503, readiness.text)
    case AdminPath.metrics:
      return HTTPResponse(
        status: 200, contentType: "text/plain; version=0.0.4; charset=utf-8", body: Array(health.metricsText.utf8))
    default:
      let paths = [AdminPath.health, AdminPath.live, AdminPath.ready, AdminPath.metrics].joined(separator: " ")
      return text(404, "there are \(paths)\n")
    }
  }

  private func text(_ status: Int, _ text: String, headers: [(name: String, value: String)] = []) -> HTTPResponse {
    HTTPResponse(status: status, contentType: "text/plain; charset=utf-8", headers: headers, body: Array(text.utf8))
  }
}
