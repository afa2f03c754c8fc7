import Foundation
import JSON
import Testing

/// The whole chain on a real cluster, each test in a namespace of its own.
@Suite(.serialized, .enabled(if: Cluster.isGiven, "no cluster: run hack/e2e"))
struct EndToEndTests {
  init() async throws {
    try await Installation.ensure()
  }

  @Test func labelOnNamespaceGivesTraces() async throws {
    let application = PlainApplication(namespace: "e2e-label")
    defer { application.remove() }
    try await application.deploy()
    let begin = ContinuousClock.now
    try Cluster.kubectl("label", "namespace", application.namespace, "odigos-instrumentation=enabled")
    try await TraceSink.waitForTrace(namespace: application.namespace, services: ["web", "backend"])
    print("label to first complete trace: \(ContinuousClock.now - begin)")
    // The trace may be quicker than the end of the pod that was there before.
    try await application.waitUntil("web", isInstrumented: true)
    let pod = try #require(try application.pods("web").first)
    let container = try #require(pod.at("spec", "containers")?[0])
    #expect(container.at("resources", "limits", "instrumentation.odigos.io/generic")?.string == "1")
    let found = try await TraceSink.waitForSpan(of: "web", namespace: application.namespace)
    #expect(found.resource["k8s.deployment.name"] == "web")
    #expect(found.resource["k8s.container.name"] == "app")
  }

  @Test func optOutByLabelAndBySourceWinsOverTheNamespace() async throws {
    let application = PlainApplication(namespace: "e2e-optout")
    defer { application.remove() }
    try await application.deploy()
    try Cluster.kubectl(
      "label", "deployment", "backend", "-n", application.namespace, "odigos-instrumentation=disabled")
    try Cluster.kubectl("label", "namespace", application.namespace, "odigos-instrumentation=enabled")
    try await application.waitUntil("web", isInstrumented: true)
    // The news of the two labels may come in either order.
    try await application.waitUntil("backend", isInstrumented: false)
    try await application.waitUntilUnknown("backend")

    try application.addSource("Deployment", "web", disabled: true)
    try await application.waitUntil("web", isInstrumented: false)
  }

  @Test func sourceOnNamespaceInstrumentsAllButADisabledWorkload() async throws {
    let application = PlainApplication(namespace: "e2e-source-ns")
    defer { application.remove() }
    try await application.deploy()
    try application.addSource("Deployment", "backend", disabled: true)
    try application.addSource("Namespace", application.namespace)
    try await application.waitUntil("web", isInstrumented: true)
    try await application.waitUntil("backend", isInstrumented: false)
    try await TraceSink.waitForTrace(namespace: application.namespace, services: ["web"])
  }

  @Test func sourceOnWorkloadNamesItsServiceAndItsRemovalRestoresTheTemplate() async throws {
    let application = PlainApplication(namespace: "e2e-source")
    defer { application.remove() }
    try await application.deploy()
    let before = try Cluster.get("deployment", "web", in: application.namespace)?.at("spec", "template")
    try application.addSource("Deployment", "web", serviceName: "renamed")
    try await application.waitUntil("web", isInstrumented: true)
    try await TraceSink.waitForTrace(namespace: application.namespace, services: ["renamed"])
    #expect(try application.pods("backend").allSatisfy { PodMarks($0).found.isEmpty })

    try Cluster.delete("source", "deployment-web", in: application.namespace)
    try await application.waitUntil("web", isInstrumented: false)
    let after = try Cluster.get("deployment", "web", in: application.namespace)?.at("spec", "template")
    #expect(after == before)
    try await application.waitUntilUnknown("web")
  }

  @Test func hostPathMountsTheAgentWithoutTheDevice() async throws {
    let application = PlainApplication(namespace: "e2e-hostpath")
    defer { application.remove() }
    try await application.deploy()
    let profile = "mount-method-k8s-host-path"
    try await Setting.preserved {
      try Cluster.odigos("profile", "add", profile)
      try await Setting.waitUntilShown("mountMethod:k8s-host-path")
      try application.addSource("Namespace", application.namespace)
      try await application.waitUntil("web", isInstrumented: true)
      try await TraceSink.waitForTrace(namespace: application.namespace, services: ["web", "backend"])
      let marks = PodMarks(try #require(try application.pods("web").first))
      #expect(marks.found.contains("volume"))
      #expect(!marks.found.contains("device"))
      try Cluster.odigos("profile", "remove", profile)
      #expect(try !Cluster.odigos("profile", "list").contains(profile))
    }
  }

  @Test func podMadeWhileTheInstrumentorIsDownStartsNormally() async throws {
    let application = PlainApplication(namespace: "e2e-down", labels: "odigos-instrumentation: enabled")
    defer { application.remove() }
    try await Installation.withoutInstrumentor {
      try await application.deploy()
      #expect(try application.pods("web").allSatisfy { PodMarks($0).found.isEmpty })
    }
    try await application.waitUntil("web", isInstrumented: true)
  }

  @Test func deviceIsRegisteredAgainAfterAKubeletRestart() async throws {
    let script = try #require(Cluster.script)
    try Cluster.run(script, ["restart-kubelet"])
    try await eventually("the device after the kubelet's restart") {
      let node = try Cluster.list("nodes", in: nil).first
      let count = node?.at("status", "allocatable", "instrumentation.odigos.io/generic")?.string ?? "none"
      return count == "none" || count == "0" ? "allocatable: \(count)" : nil
    }
    let application = PlainApplication(namespace: "e2e-kubelet", labels: "odigos-instrumentation: enabled")
    defer { application.remove() }
    try await application.deploy()
    try await application.waitUntil("web", isInstrumented: true)
  }

  @Test func podThatNobodyOptedInIsUnchanged() async throws {
    let home = BareNamespace(namespace: "e2e-plain")
    defer { home.remove() }
    try await home.create()
    let pod = """
      apiVersion: v1
      kind: Pod
      metadata: {name: plain, namespace: NAMESPACE}
      spec:
        automountServiceAccountToken: false
        containers: [{name: c, image: localhost/odigos-demo-shop:dev, command: [python3]}]
      """
    // The webhook does not see kube-system: what the API server answers there is what it makes of the pod by itself.
    func created(in namespace: String) throws -> JSONValue {
      let text = try Cluster.kubectl(
        "create", "--dry-run=server", "-o", "json", "-f", "-",
        input: pod.replacingOccurrences(of: "NAMESPACE", with: namespace))
      var object = try JSONValue(parsing: text)
      for field in ["uid", "creationTimestamp", "managedFields", "namespace"] { object.set(["metadata", field], nil) }
      return object
    }
    #expect(try created(in: home.namespace) == created(in: "kube-system"))
  }

  @Test func componentsIdleBelowThirtyMegabytes() throws {
    let names = ["odigos-instrum", "odigos-schedul", "odigos-autosca", "odiglet", "odigos-collect"]
    var seen: [String: Int] = [:]
    for entry in try FileManager.default.contentsOfDirectory(atPath: "/proc") where Int(entry) != nil {
      guard let status = try? String(contentsOfFile: "/proc/\(entry)/status", encoding: .utf8) else { continue }
      func field(_ name: String) -> String? {
        status.split(separator: "\n").first { $0.hasPrefix(name) }?.split(separator: "\t").last.map(String.init)
      }
      guard let name = field("Name:"), let component = names.first(where: { name.hasPrefix($0) }) else { continue }
      let kilobytes = Int(field("VmRSS:")?.split(separator: " ").first ?? "") ?? 0
      seen[component] = max(seen[component] ?? 0, kilobytes)
    }
    print("resident memory in kB: \(seen.sorted { $0.key < $1.key })")
    for name in names { #expect(seen[name, default: .max] < 30 * 1024, "\(name)") }
  }
}
