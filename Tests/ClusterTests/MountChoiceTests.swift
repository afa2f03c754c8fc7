import JSON
import Testing

/// Mount method `auto` on a real cluster: whatever the nodes offer, pods can be scheduled.
@Suite(.serialized, .enabled(if: Cluster.isGiven, "no cluster: run hack/e2e"))
struct MountChoiceTests {
  private static let device = "instrumentation.odigos.io/generic"

  init() throws {
    try Installation.ensure()
  }

  /// Keeps the node agent off every node, or lets it come back.
  private func setNodeAgent(away: Bool) throws {
    let patch: JSONValue = [
      "spec": ["template": ["spec": ["nodeSelector": ["e2e.odigos.io/nowhere": away ? "true" : .null]]]]
    ]
    try Cluster.kubectl(
      "patch", "daemonset", "odiglet", "-n", Cluster.systemNamespace, "--type=merge", "-p",
      String(decoding: patch.serialized(), as: UTF8.self))
  }

  private func devices() throws -> String {
    let node = try Cluster.list("nodes", in: nil).first
    return node?.at("status", "allocatable", Self.device)?.string ?? "0"
  }

  @Test func autoUsesTheDeviceWhereNodesHaveItAndNothingOfThemWhereTheyDoNot() async throws {
    let application = PlainApplication(namespace: "e2e-auto", labels: "odigos-instrumentation: enabled")
    defer { application.remove() }
    try await Setting.with(["mountMethod": "auto"], shownAs: "mountMethod:auto") {
      try application.deploy()
      try await application.waitUntil("web", isInstrumented: true)
      #expect(PodMarks(try #require(try application.pods("web").first)).found.contains("device"))

      try setNodeAgent(away: true)
      let result: Result<Void, any Error>
      do { result = .success(try await restartWithoutTheDevice(application)) } catch { result = .failure(error) }
      try setNodeAgent(away: false)
      try Cluster.kubectl(
        "rollout", "status", "daemonset/odiglet", "-n", Cluster.systemNamespace, "--timeout=90s")
      try await eventually("the device is back") { try devices() == "0" ? "no device" : nil }
      try result.get()
    }
  }

  private func restartWithoutTheDevice(_ application: PlainApplication) async throws {
    try await eventually("no node has the device") {
      let (count, agents) = try (
        devices(), Cluster.list("pods", in: Cluster.systemNamespace, selector: "app.kubernetes.io/name=odiglet")
      )
      return count == "0" && agents.isEmpty ? nil : "\(count) devices, \(agents.count) node agents"
    }
    try Cluster.kubectl("rollout", "restart", "deployment/web", "-n", application.namespace)
    try await eventually("pods that ask nothing of the node") {
      let pods = try application.pods("web")
      let marks = pods.map { PodMarks($0) }
      guard !marks.isEmpty, marks.allSatisfy({ $0.isInstrumented && !$0.found.contains("device") }) else {
        return "\(marks.map(\.found))"
      }
      return pods.allSatisfy { $0.at("status", "phase")?.string == "Running" } ? nil : "they do not run"
    }
    try await application.waitUntil("web", isInstrumented: true)
  }
}
