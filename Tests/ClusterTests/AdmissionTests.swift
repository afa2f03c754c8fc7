import Foundation
import JSON
import Testing

/// What the API server hears of the webhooks, and what people hear of their decisions, on a real cluster.
@Suite(.serialized, .enabled(if: Cluster.isGiven, "no cluster: run hack/e2e"))
struct AdmissionTests {
  init() async throws {
    try await Installation.ensure()
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
    let home = BareNamespace(namespace: namespace)
    defer { home.remove() }
    try await home.create()
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
      try Cluster.delete("source", "second", in: namespace)
      return text
    }
    // What the API server hears nothing about in time, it lets through.
    try await eventually("the refusal of a wrong expression") {
      let text = refusal(source("third", "cart(", in: namespace, more: "matchWorkloadNameAsRegex: true"))
      if text.contains("denied the request") && text.contains("spec.workload.name") { return nil }
      try Cluster.delete("source", "third", in: namespace)
      return text
    }
    try await eventually("the refusal of another workload") {
      let text = refusal(source("first", "other", in: namespace))
      if text.contains("denied the request") { return nil }
      try Cluster.kubectl("delete", "source", "first", "-n", namespace, "--timeout=60s", "--ignore-not-found")
      try Cluster.apply(source("first", "cart", in: namespace))
      return text
    }
  }

  @Test func explainTellsWhatTheWebhookDoesAndTheWebhookSaysTheSame() async throws {
    let application = PlainApplication(namespace: "e2e-explain", labels: "odigos-instrumentation: enabled")
    defer { application.remove() }
    try await application.deploy()
    try await application.waitUntil("web", isInstrumented: true)
    try await eventually("the explanation") {
      let text = try Cluster.odigos("explain", "deployment", "web", "-n", application.namespace)
      return ["NamespaceLabel", "EnabledSuccessfully", "Injected"].allSatisfy(text.contains) ? nil : text
    }
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
    try await eventually("the webhook's change and its warning") {
      let outcome = try ChildProgram.run(command, input: asked)
      let isDone = outcome.status == 0 && outcome.output.contains("odigos.io/agents-meta-hash")
      return isDone && outcome.errors.contains("python-community")
        ? nil : "changed: \(isDone); warnings: \(outcome.errors)"
    }
  }

  @Test func agentFilesComeByAnInitContainer() async throws {
    let application = PlainApplication(namespace: "e2e-init", labels: "odigos-instrumentation: enabled")
    defer { application.remove() }
    try await Installation.withMountMethod("k8s-init-container") {
      try await application.deploy()
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
    var leader = ""
    try await eventually("a leader that is to stay") {
      leader = try holder()
      let pod = try Cluster.get("pod", leader.isEmpty ? "none" : leader, in: namespace)
      return pod.map { !PodEnd.isWanted($0) } == true ? nil : "holder: \(leader)"
    }
    let begin = ContinuousClock.now
    try Cluster.delete("pod", leader, in: namespace)
    try await eventually("another leader") {
      let holder = try holder()
      return holder.isEmpty || holder == leader ? "holder: \(holder)" : nil
    }
    print("end of the leader to the next: \(ContinuousClock.now - begin)")
    try await Rollout.wait("deployment", "odigos-instrumentor", in: namespace)
  }

  @Test func certificatesAreRenewedOnDemandAndHealByThemselves() async throws {
    let namespace = Cluster.systemNamespace
    func secret() throws -> JSONValue? { try Cluster.get("secret", "instrumentor-webhooks-cert", in: namespace) }
    func certificate() throws -> String? { try secret()?.at("data", "tls.crt")?.string }
    let first = try certificate()
    try await eventually("another certificate") {
      try Cluster.run("hack/rotate-certs", [])
      return nil
    }
    #expect(try certificate() != first)
    let deleted = try secret()?.at("metadata", "uid")?.string
    try Cluster.delete("secret", "instrumentor-webhooks-cert", in: namespace)
    try await eventually("the Secret is made again") {
      guard let uid = try secret()?.at("metadata", "uid")?.string else { return "it is missing" }
      return uid == deleted ? "it is the old one" : nil
    }
    let application = PlainApplication(namespace: "e2e-certs", labels: "odigos-instrumentation: enabled")
    defer { application.remove() }
    try await application.deploy()
    try await application.waitUntil("web", isInstrumented: true)
  }
}
