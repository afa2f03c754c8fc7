import Foundation
import JSON
import Testing

/// Rollbacks, repair and GitOps mode on a real cluster, each test in a namespace of its own.
@Suite(.serialized, .enabled(if: Cluster.isGiven, "no cluster: run hack/e2e"))
struct RolloutTests {
  init() throws {
    try Installation.ensure()
  }

  @Test func aCrashLoopTakesTheAgentsBackUntilRecovery() async throws {
    let application = FragileApplication(namespace: "e2e-crash", withAgents: "sys.exit(1)")
    defer { application.remove() }
    try await Setting.with("instrumentation-auto-rollback-grace-time", "5s", shownAs: "rollbackGraceTime:5s") {
      try application.deploy()
      let template = try application.template()
      try application.optIn()
      try await application.waitForRollback("CrashLoopBackOff")
      try await application.waitUntilPlain()
      #expect(try application.template() == template)
      let uninjected = try application.config()?.at("status", "podsManifestInjectionStatus", "hasUninjectedPods")
      #expect(uninjected?.bool == true)

      // Nothing happens by itself; a new value of the annotation tries again.
      try Cluster.kubectl(
        "annotate", "deployment", "app", "-n", application.namespace, "odigos.io/rollback-recovery=first")
      try await eventually("the recovery") {
        let annotations = try application.config()?.at("metadata", "annotations")
        let value = annotations?["odigos.io/rollback-recovery-processed"]?.string
        return value == "first" ? nil : "processed: \(value ?? "nothing")"
      }
      try await application.waitForRollback("CrashLoopBackOff")
      try await application.waitUntilPlain()
    }
  }

  @Test func lostReadinessTakesTheAgentsBack() async throws {
    let application = FragileApplication(namespace: "e2e-unready", withAgents: "time.sleep(1e6)")
    defer { application.remove() }
    try await Setting.with("instrumentation-auto-rollback-grace-time", "5s", shownAs: "rollbackGraceTime:5s") {
      try application.deploy()
      let template = try application.template()
      try application.optIn()
      try await application.waitForRollback("ReadinessLost")
      try await application.waitUntilPlain()
      #expect(try application.template() == template)
    }
  }

  @Test func podsThatMissedTheWebhookAreRepaired() async throws {
    let application = PlainApplication(namespace: "e2e-missed", labels: "odigos-instrumentation: enabled")
    defer { application.remove() }
    try application.deploy()
    try await application.waitUntil("web", isInstrumented: true)

    try Installation.scaleInstrumentor(0)
    defer { _ = try? Installation.scaleInstrumentor(2) }
    try Cluster.kubectl("delete", "pod", "-n", application.namespace, "-l", "app=web", "--wait=false")
    try await application.waitUntil("web", isInstrumented: false)
    try Installation.scaleInstrumentor(2)
    try await application.waitUntil("web", isInstrumented: true, within: .seconds(180))

    try Cluster.kubectl("label", "namespace", application.namespace, "odigos-instrumentation-")
    try Cluster.kubectl("label", "namespace", application.namespace, "odigos-instrumentation=disabled")
    try await application.waitUntil("web", isInstrumented: false)
    let deployment = try Cluster.get("deployment", "web", in: application.namespace)
    let notes = deployment?.at("metadata", "annotations")?.object?.keys.filter { $0.hasPrefix("odigos.io/") } ?? []
    #expect(notes.isEmpty, "notes of ours stay on the workload: \(notes)")
  }

  @Test func gitOpsModeLeavesTemplatesAlone() async throws {
    let application = PlainApplication(namespace: "e2e-gitops")
    defer { application.remove() }
    try await Setting.with("automatic-rollout-disabled", "true", shownAs: "automaticRolloutDisabled:true") {
      try application.deploy()
      let before = try Cluster.get("deployment", "web", in: application.namespace)?.at("spec", "template")
      try Cluster.kubectl("label", "namespace", application.namespace, "odigos-instrumentation=enabled")
      try await eventually("the condition that says what to do") {
        let conditions = try Cluster.get("instrumentationconfig", "deployment-web", in: application.namespace)?
          .at("status", "conditions")?.array
        let reasons = Set((conditions ?? []).compactMap { $0["reason"]?.string })
        let wanted: Set = ["Disabled", "RestartRequiredAutoRolloutDisabled"]
        return wanted.isSubset(of: reasons) ? nil : "reasons: \(reasons.sorted())"
      }
      #expect(try Cluster.get("deployment", "web", in: application.namespace)?.at("spec", "template") == before)

      try Cluster.kubectl("rollout", "restart", "deployment/web", "-n", application.namespace)
      try await application.waitUntil("web", isInstrumented: true)
    }
  }
}

/// A setting of the system for the time of a test.
private enum Setting {
  /// - Parameters:
  ///   - shown: what the effective configuration says then, without blanks and quotes.
  static func with(_ property: String, _ value: String, shownAs shown: String, _ body: () async throws -> Void)
    async throws
  {
    let before = try effective()
    try Cluster.odigos("config", "set", property, value)
    try await eventually("\(property) in force") { try effective().contains(shown) ? nil : "not yet" }
    let result: Result<Void, any Error>
    do { result = .success(try await body()) } catch { result = .failure(error) }
    let key = shown.prefix { $0 != ":" }
    let old = before.range(of: "\(key):").map { before[$0.upperBound...].prefix { !",}\n".contains($0) } } ?? ""
    try Cluster.odigos("config", "set", property, old.isEmpty ? "false" : String(old))
    try await eventually("\(property) as before") { try effective().contains("\(key):\(old)") ? nil : "not yet" }
    try result.get()
  }

  private static func effective() throws -> String {
    let map = try Cluster.get("configmap", "effective-config", in: Cluster.systemNamespace)
    let text = map?.at("data", "config.yaml")?.string ?? ""
    return text.filter { !" \"'".contains($0) }
  }
}

/// A web server that does well alone, and something else when it finds agents in its environment.
private struct FragileApplication {
  var namespace: String
  /// A statement in Python.
  var withAgents: String

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
        replicas: 2
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

  /// Waits until both pods run without agents and are ready.
  func waitUntilPlain() async throws {
    try await eventually("\(namespace): pods without agents") {
      let pods = try Cluster.list("pods", in: namespace).filter { $0.at("metadata", "deletionTimestamp") == nil }
      guard pods.count == 2 else { return "\(pods.count) pods" }
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
