import Foundation
import JSON
import Testing

/// What the API server hears of the webhooks, and what people hear of their decisions, on a real cluster.
@Suite(.serialized, .enabled(if: Cluster.isGiven, "no cluster: run hack/e2e"))
struct AdmissionTests {
  init() throws {
    try Installation.ensure()
  }

  private func source(_ name: String, _ workload: String, in namespace: String, more: String = "") -> String {
    """
    apiVersion: odigos.io/v1alpha1
    kind: Source
    metadata: {name: \(name), namespace: \(namespace)}
    spec:
      workload: {kind: Deployment, name: '\(workload)', namespace: \(namespace)}
      \(more)
    """
  }

  @Test func sourcesAreCompletedAndWrongOnesRefused() async throws {
    let namespace = "e2e-sources"
    try Cluster.apply("apiVersion: v1\nkind: Namespace\nmetadata: {name: \(namespace)}\n")
    defer { _ = try? Cluster.kubectl("delete", "namespace", namespace, "--wait=false") }
    try Cluster.apply(source("first", "cart", in: namespace))
    let labels = try Cluster.get("source", "first", in: namespace)?.at("metadata", "labels")
    #expect(labels?["odigos.io/workload-name"] == "cart")
    #expect(labels?["odigos.io/workload-kind"] == "Deployment")
    #expect(labels?["odigos.io/data-stream-default"] == "true")

    func refusal(_ manifest: String) -> String {
      do {
        try Cluster.apply(manifest)
        return "nothing: it was accepted"
      } catch {
        return "\(error)"
      }
    }
    // Duplicates are known from what the webhook has seen, which may lag a moment.
    try await eventually("the refusal of a duplicate") {
      let text = refusal(source("second", "cart", in: namespace))
      if text.contains("first") { return nil }
      try Cluster.kubectl("delete", "source", "second", "-n", namespace, "--ignore-not-found")
      return text
    }
    let expression = refusal(source("third", "cart(", in: namespace, more: "matchWorkloadNameAsRegex: true"))
    #expect(expression.contains("denied the request") && expression.contains("spec.workload.name"))
    let moved = refusal(source("first", "other", in: namespace))
    #expect(moved.contains("denied the request"), "\(moved)")
  }

  @Test func explainTellsWhatTheWebhookDoesAndTheWebhookSaysTheSame() async throws {
    let application = PlainApplication(namespace: "e2e-explain", labels: "odigos-instrumentation: enabled")
    defer { application.remove() }
    try application.deploy()
    try await application.waitUntil("web", isInstrumented: true)
    let text = try Cluster.odigos("explain", "deployment", "web", "-n", application.namespace)
    #expect(text.contains("NamespaceLabel") && text.contains("EnabledSuccessfully") && text.contains("Injected"))
    let none = try Cluster.odigos("explain", "deployment", "odigos-scheduler", "-n", Cluster.systemNamespace)
    #expect(none.contains("IgnoredNamespace"))

    // A pod that asks gets the webhook's reason as a warning.
    let pod = try #require(try application.pods("web").first)
    let owner = try #require(pod.at("metadata", "ownerReferences")?[0])
    let (name, uid) = (owner["name"]?.string ?? "", owner["uid"]?.string ?? "")
    let asked = """
      apiVersion: v1
      kind: Pod
      metadata:
        generateName: web-
        namespace: \(application.namespace)
        annotations: {odigos.io/explain: "true"}
        labels: {app: web, pod-template-hash: "\(pod.at("metadata", "labels", "pod-template-hash")?.string ?? "")"}
        ownerReferences:
        - {apiVersion: apps/v1, kind: ReplicaSet, controller: true, name: "\(name)", uid: "\(uid)"}
      spec: {containers: [{name: app, image: localhost/odigos-demo-shop:dev, command: [python3]}]}
      """
    let command = ["kubectl", "create", "--dry-run=server", "-o", "json", "-f", "-"]
    let outcome = try ChildProgram.run(command, input: asked)
    #expect(outcome.status == 0 && outcome.output.contains("odigos.io/agents-meta-hash"))
    #expect(outcome.errors.contains("python-community"), "warnings: \(outcome.errors)")
  }

  @Test func agentFilesComeByAnInitContainer() async throws {
    let application = PlainApplication(namespace: "e2e-init", labels: "odigos-instrumentation: enabled")
    defer { application.remove() }
    try await Installation.withMountMethod("k8s-init-container") {
      try application.deploy()
      try await application.waitUntil("web", isInstrumented: true)
      let pod = try #require(try application.pods("web").first)
      #expect(pod.at("spec", "initContainers")?[0]?["name"] == "odigos-agents")
      #expect(!PodMarks(pod).found.contains("device"))
      try await TraceSink.waitForTrace(namespace: application.namespace, services: ["web", "backend"])
    }
  }

  @Test func anotherReplicaLeadsWhenTheLeaderEnds() async throws {
    let namespace = Cluster.systemNamespace
    func holder() throws -> String {
      try Cluster.get("lease", "odigos-instrumentor", in: namespace)?.at("spec", "holderIdentity")?.string ?? ""
    }
    let leader = try holder()
    let begin = ContinuousClock.now
    try Cluster.kubectl("delete", "pod", leader, "-n", namespace, "--wait=false")
    try await eventually("another leader") {
      let holder = try holder()
      return holder.isEmpty || holder == leader ? "holder: \(holder)" : nil
    }
    print("end of the leader to the next: \(ContinuousClock.now - begin)")
    try Cluster.kubectl("rollout", "status", "deployment/odigos-instrumentor", "-n", namespace, "--timeout=60s")
  }

  @Test func certificatesAreRenewedOnDemandAndHealByThemselves() async throws {
    let namespace = Cluster.systemNamespace
    func certificate() throws -> String? {
      try Cluster.get("secret", "instrumentor-webhooks-cert", in: namespace)?.at("data", "tls.crt")?.string
    }
    let first = try certificate()
    try Cluster.run("hack/rotate-certs", [])
    #expect(try certificate() != first)
    try Cluster.kubectl("delete", "secret", "instrumentor-webhooks-cert", "-n", namespace)
    try await eventually("the Secret is made again") { try certificate() == nil ? "it is missing" : nil }
    let application = PlainApplication(namespace: "e2e-certs", labels: "odigos-instrumentation: enabled")
    defer { application.remove() }
    try application.deploy()
    try await application.waitUntil("web", isInstrumented: true)
  }
}
