import JSON
import Testing

/// A web server that does well alone, and something else when it finds agents in its environment.
struct FragileApplication {
  var namespace: String
  /// A statement in Python.
  var withAgents = "pass"
  var replicas = 2

  func deploy() throws {
    try Cluster.apply(
      """
      apiVersion: v1
      kind: Namespace
      metadata: {name: \(namespace)}
      ---
      apiVersion: apps/v1
      kind: Deployment
      metadata: {name: app, namespace: \(namespace)}
      spec:
        replicas: \(replicas)
        selector: {matchLabels: {app: app}}
        template:
          metadata: {labels: {app: app}}
          spec:
            terminationGracePeriodSeconds: 1
            containers:
            - name: app
              image: localhost/odigos-demo-shop:dev
              imagePullPolicy: IfNotPresent
              command: [python3, -c]
              args:
              - |
                import http.server, os, sys, time
                if 'ODIGOS_CONTAINER_NAME' in os.environ: \(withAgents)
                http.server.HTTPServer(('', 8080), http.server.SimpleHTTPRequestHandler).serve_forever()
              readinessProbe: {tcpSocket: {port: 8080}, periodSeconds: 1}
      """)
    try Cluster.kubectl("rollout", "status", "deployment/app", "-n", namespace, "--timeout=90s")
  }

  func remove() { _ = try? Cluster.kubectl("delete", "namespace", namespace, "--wait=false", "--ignore-not-found") }

  func optIn() throws { try Cluster.kubectl("label", "namespace", namespace, "odigos-instrumentation=enabled") }

  /// Its pods, without those that are being deleted.
  func pods() throws -> [JSONValue] {
    try Cluster.list("pods", in: namespace).filter { $0.at("metadata", "deletionTimestamp") == nil }
  }

  func config() throws -> JSONValue? { try Cluster.get("instrumentationconfig", "deployment-app", in: namespace) }

  func template() throws -> JSONValue? { try Cluster.get("deployment", "app", in: namespace)?.at("spec", "template") }

  /// Waits until the agents are taken back for that reason.
  func waitForRollback(_ reason: String) async throws {
    try await eventually("\(namespace): rollback for \(reason)", within: .seconds(150)) {
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
        let ready = pod.at("status", "conditions")?.array?.first { $0["type"]?.string == "Ready" }
        if ready?["status"]?.string != "True" { return "a pod is not ready" }
      }
      return nil
    }
  }
}
