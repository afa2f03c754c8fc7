import Foundation
import JSON
import Testing

/// What the agent of a Node.js process says of itself, and what it is told; with the images of the matrix.
@Suite(.serialized, .enabled(if: MatrixTable.isWanted, "not asked for: run make e2e-matrix"))
struct NodejsInstanceTests {
  private static let application = PlainApplication(namespace: "e2e-nodejs")
  private static let program = """
    const http = require('http');
    http.createServer((request, response) => response.end('42')).listen(8080);
    const ask = () => http.get({ port: 8080, path: '/price', headers: { 'X-Shop': 'open' } }, (answer) => answer.resume());
    setInterval(ask, 500);
    """

  init() async throws { try await Installation.ensure() }

  private static func deploy() throws {
    let lines = program.split(separator: "\n").map { "          \($0)" }.joined(separator: "\n")
    try Cluster.apply(
      """
      apiVersion: v1
      kind: Namespace
      metadata: {name: \(application.namespace), labels: {odigos-instrumentation: enabled}}
      ---
      apiVersion: apps/v1
      kind: Deployment
      metadata: {name: web, namespace: \(application.namespace)}
      spec:
        selector: {matchLabels: {app: web}}
        template:
          metadata: {labels: {app: web}}
          spec:
            terminationGracePeriodSeconds: 0
            automountServiceAccountToken: false
            containers:
            - name: app
              image: localhost/matrix-nodejs:dev
              imagePullPolicy: Never
              command: [node, -e]
              args:
              - |
      \(lines)
              readinessProbe: {httpGet: {path: /, port: 8080}, periodSeconds: 1, timeoutSeconds: 5}

      """)
  }

  private static func instances(of pod: String) throws -> [JSONValue] {
    try application.instances(of: pod)
  }

  @Test func aProcessIsKnownAndARuleReachesItWhileItRuns() async throws {
    let application = Self.application
    defer { application.remove() }
    try await application.waitUntilRemoved(ifBegun: true)
    try Self.deploy()
    try await application.waitUntil("web", isInstrumented: true)
    let pod = try #require(try application.pods("web").first?.at("metadata", "name")?.string)
    try await eventually("a healthy instance that has its configuration") {
      let instance = try Self.instances(of: pod).first
      let isApplied = try AgentConfiguration(of: instance).missing == nil
      return instance?.at("status", "healthy")?.bool == true && isApplied ? nil : "\(instance ?? "no instance")"
    }
    let instance = try #require(try Self.instances(of: pod).first)
    let attributes = instance.at("status", "identifyingAttributes")?.array ?? []
    #expect(attributes.contains(["key": "telemetry.sdk.language", "value": "nodejs"]))

    try await ruleIsCarriedOut(pod: pod)
    #expect(try application.pods("web").first?.at("metadata", "name")?.string == pod, "no restart")
    #expect(try application.pods("web").first?.at("status", "containerStatuses")?[0]?["restartCount"] == 0)

    let name = try #require(instance.at("metadata", "name")?.string)
    let pid = try #require(name.split(separator: "-").last.flatMap { Int32($0) })
    let killed = ContinuousClock.now
    #expect(kill(pid, SIGKILL) == 0)
    try await eventually("no instance of the process") {
      try Cluster.exists("instrumentationinstance", name, in: application.namespace) ? "still there" : nil
    }
    print("killed Node.js process to no instance: \(ContinuousClock.now - killed)")
  }

  private func ruleIsCarriedOut(pod: String) async throws {
    let components = try Self.instances(of: pod).first?.at("status", "components")?.array ?? []
    defer { try? Cluster.delete("instrumentationrule", "e2e-nodejs", in: Cluster.systemNamespace) }
    let isProof = components.contains { $0["name"] == "proof-of-load" }
    try Cluster.apply(
      """
      apiVersion: odigos.io/v1alpha1
      kind: InstrumentationRule
      metadata: {name: e2e-nodejs, namespace: \(Cluster.systemNamespace)}
      spec:
        ruleName: headers, and nothing of a library
        workloads: [{namespace: \(Self.application.namespace), kind: Deployment, name: web}]
        headersCollection: {headerKeys: [x-shop]}
        traceVerbosity:
          disabledLibraries: [{Language: javascript, libraryName: "@opentelemetry/instrumentation-net"}]
      """)
    let changed = ContinuousClock.now
    try await eventually("the agent does what the rule says") {
      let now = try AgentConfiguration(of: try Self.instances(of: pod).first)
      let traces = now.effective?["traces"]
      let isDone =
        traces?.at("headersCollection", "headerKeys") == ["x-shop"]
        && traces?["disabledLibraries"] == ["@opentelemetry/instrumentation-net"]
      return isDone ? now.missing : "\(now)"
    }
    print("rule to running Node.js agent: \(ContinuousClock.now - changed)")
    guard !isProof else { return }
    try await eventually("a span with the header") {
      let log = try Cluster.kubectl("logs", "deployment/trace-sink", "-n", "tracing", "--since=2m")
      let lines = log.split(separator: "\n").filter { $0.contains(pod) }
      return lines.contains { $0.contains("http.request.header.x-shop") }
        ? nil : "\(lines.count) exports of the pod without one"
    }
  }
}
