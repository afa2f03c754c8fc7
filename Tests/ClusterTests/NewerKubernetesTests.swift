import JSON
import Testing

/// What only newer versions of Kubernetes have. `hack/cluster` builds 1.20; `ODIGOS_KUBERNETES_BIN` and
/// `ODIGOS_CONTAINERD_BIN` name newer ones, and on others these tests are skipped.
@Suite(.serialized, .enabled(if: Cluster.isGiven, "no cluster: run hack/e2e"))
struct NewerKubernetesTests {
  init() throws {
    try Installation.ensure()
  }

  private func webhook() throws -> JSONValue? {
    let name = "odigos-pod-mutating-webhook-configuration"
    return try Cluster.get("mutatingwebhookconfiguration", name, in: "default")?["webhooks"]?[0]
  }

  /// The namespaces whose pods reach the webhook.
  private func askedAbout() throws -> [String] {
    let expressions = try webhook()?.at("namespaceSelector", "matchExpressions")?.array ?? []
    return expressions.filter { $0["operator"] == "In" }.flatMap { $0["values"]?.array ?? [] }.compactMap(\.string)
  }

  @Test(.enabled("the API server has no match conditions before 1.28") { try Cluster.minorVersion() >= 28 })
  func onlyPodsThatCanBeInjectedReachTheWebhook() async throws {
    let application = PlainApplication(namespace: "e2e-scope", labels: "odigos-instrumentation: enabled")
    defer { application.remove() }
    try application.deploy()
    try await application.waitUntil("web", isInstrumented: true)
    #expect(try askedAbout().contains(application.namespace))
    let conditions = try webhook()?["matchConditions"]?.array?.compactMap { $0["name"]?.string } ?? []
    #expect(conditions.contains("not-a-mirror-pod") && conditions.contains("not-on-windows"))
    try Cluster.kubectl("label", "namespace", application.namespace, "odigos-instrumentation-")
    try await application.waitUntil("web", isInstrumented: false)
    try await eventually("the namespace is left alone again") {
      let names = try askedAbout()
      return names.contains(application.namespace) ? "\(names)" : nil
    }
  }

  @Test(
    .enabled("image volumes need Kubernetes 1.33 and containerd 2.1") {
      let runtime = try Cluster.list("nodes", in: nil).first?.at("status", "nodeInfo", "containerRuntimeVersion")
      return try Cluster.minorVersion() >= 33 && runtime?.string?.hasPrefix("containerd://1.") == false
    })
  func agentFilesComeByAnImageVolume() async throws {
    let application = PlainApplication(namespace: "e2e-image", labels: "odigos-instrumentation: enabled")
    defer { application.remove() }
    try await Installation.withMountMethod("k8s-image-volume") {
      try application.deploy()
      try await application.waitUntil("web", isInstrumented: true)
      let pod = try #require(try application.pods("web").first)
      let volumes = pod.at("spec", "volumes")?.array ?? []
      #expect(volumes.contains { $0["image"] != nil })
      #expect(!PodMarks(pod).found.contains("device"))
      try await TraceSink.waitForTrace(namespace: application.namespace, services: ["web", "backend"])
    }
  }
}
