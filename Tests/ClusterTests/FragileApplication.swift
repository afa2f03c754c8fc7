import JSON
import Testing

/// A web server that does well alone, and something else when it finds agents in its environment.
struct FragileApplication: TestNamespace {
  var namespace: String
  /// A statement in Python.
  var withAgents = "pass"
  var replicas = 2

  func deploy() async throws {
    let program = """
      import http.server, os, sys, time
      if 'ODIGOS_CONTAINER_NAME' in os.environ: \(withAgents)
      http.server.HTTPServer(('', 8080), http.server.SimpleHTTPRequestHandler).serve_forever()
      """
    try await create([
      PythonDeployment(namespace: namespace, replicas: replicas, program: program, isServer: true).json
    ])
    try await waitForRollout("app")
  }

  func optIn() throws { try Cluster.kubectl("label", "namespace", namespace, "odigos-instrumentation=enabled") }

  /// Its pods, without those that are being deleted.
  func pods() throws -> [JSONValue] { try livePods() }

  func config() throws -> JSONValue? { try Cluster.get("instrumentationconfig", "deployment-app", in: namespace) }

  func template() throws -> JSONValue? { try Cluster.get("deployment", "app", in: namespace)?.at("spec", "template") }

  /// Waits until the agents are taken back for that reason.
  func waitForRollback(_ reason: String) async throws {
    try await eventually("\(namespace): rollback for \(reason)") {
      let status = try config()?.at("status")
      let condition = status?["conditions"]?.array?.first { $0["type"]?.string == "AgentEnabled" }
      guard status?["rollbackOccurred"]?.bool == true, condition?["reason"]?.string == reason else {
        return "status: \(status.map { "\($0)" } ?? "none")"
      }
      return nil
    }
  }

  /// Waits until all pods run without agents and are ready.
  func waitUntilPlain() async throws {
    try await eventually("\(namespace): pods without agents") {
      let pods = try pods()
      guard pods.count == replicas else { return "\(pods.count) pods" }
      for pod in pods {
        let marks = PodMarks(pod).found
        if !marks.isEmpty { return "marks: \(marks)" }
        if !Cluster.isReady(pod) { return "a pod is not ready" }
      }
      return nil
    }
  }
}
