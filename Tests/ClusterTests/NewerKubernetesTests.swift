import Foundation
import JSON
import KubeClient
import KubeObjects
import Testing

/// What only newer versions of Kubernetes have. `hack/cluster` builds 1.20; `ODIGOS_KUBERNETES_BIN` and
/// `ODIGOS_CONTAINERD_BIN` name newer ones, and on others these tests are skipped.
@Suite(.serialized, .enabled(if: Cluster.isGiven, "no cluster: run hack/e2e"))
struct NewerKubernetesTests {
  init() async throws {
    try await Installation.ensure()
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
    try await application.deploy()
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

  /// With a token as a pod of it has, by its own client.
  @Test(.enabled("tokens name no node before 1.30") { try Cluster.minorVersion() >= 30 })
  func theNodeAgentMayChangeItsOwnNodeOnly() async throws {
    let namespace = Cluster.systemNamespace
    let pods = try Cluster.list("pods", in: namespace).filter {
      $0.at("metadata", "labels", "app.kubernetes.io/name") == "odiglet"
        && $0.at("status", "podIP") != nil && !PodEnd.isWanted($0)
    }
    let pod = try #require(pods.first)
    let name = try #require(pod.at("metadata", "name")?.string)
    let node = try #require(pod.at("spec", "nodeName")?.string)
    let file = try kubeconfig(ofNodeAgent: name, uid: pod.at("metadata", "uid")?.string ?? "")
    defer { try? FileManager.default.removeItem(atPath: file) }
    let client = try KubeClient.connect(kubeconfig: file)
    defer { client.shutdown() }
    let stranger = InstallationState.strangeNode
    defer { try? Cluster.delete("node", stranger, in: namespace) }
    try Cluster.apply(#"{"apiVersion":"v1","kind":"Node","metadata":{"name":"\#(stranger)"}}"#)
    func annotate(_ node: String, _ value: JSONValue) async -> String? {
      let patch: JSONValue = ["metadata": ["annotations": ["odigos.io/e2e": value]]]
      do {
        _ = try await client.patch(Node.type, ObjectKey(name: node), .merge, patch)
        return nil
      } catch {
        return "\(error)"
      }
    }
    try await eventually("the refusal") {
      let answer = await annotate(stranger, "x") ?? "it was allowed"
      return answer.contains("may not change the node \(stranger)") ? nil : answer
    }
    for value: JSONValue in ["x", .null] {
      try await eventually("the permission") { await annotate(node, value) }
    }
  }

  /// A file with the credentials of the node agent in this pod, and nobody else's.
  private func kubeconfig(ofNodeAgent pod: String, uid: String) throws -> String {
    let request: JSONValue = [
      "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
      "spec": ["boundObjectRef": ["apiVersion": "v1", "kind": "Pod", "name": .string(pod), "uid": .string(uid)]],
    ]
    let accounts = "/api/v1/namespaces/\(Cluster.systemNamespace)/serviceaccounts"
    let answer = try JSONValue(
      parsing: try Cluster.kubectl(
        "create", "--raw", "\(accounts)/odiglet/token", "-f", "-",
        input: String(decoding: request.serialized(), as: UTF8.self)))
    let token = try #require(answer.at("status", "token"))
    var configuration = try JSONValue(
      parsing: try Cluster.kubectl("config", "view", "--raw", "--minify", "--flatten", "-o", "json"))
    let user = try #require(configuration["users"]?[0]?["name"])
    configuration["users"] = [["name": user, "user": ["token": token]]]
    let path = FileManager.default.temporaryDirectory.appending(path: "e2e-node-agent-\(UUID().uuidString)").path
    try Data(configuration.serialized()).write(to: URL(fileURLWithPath: path))
    return path
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
      try await application.deploy()
      try await application.waitUntil("web", isInstrumented: true)
      let pod = try #require(try application.pods("web").first)
      let volumes = pod.at("spec", "volumes")?.array ?? []
      #expect(volumes.contains { $0["image"] != nil })
      #expect(!PodMarks(pod).found.contains("device"))
      try await TraceSink.waitForTrace(namespace: application.namespace, services: ["web", "backend"])
    }
  }
}
