import JSON
import Testing

/// Mount method `auto` on a real cluster: whatever the nodes offer, pods can be scheduled.
@Suite(.serialized, .enabled(if: Cluster.isGiven, "no cluster: run hack/e2e"))
struct MountChoiceTests {
  init() async throws {
    try await Installation.ensure()
  }

  private func devices() throws -> String {
    let node = try Cluster.list("nodes", in: nil).first
    return node?.at("status", "allocatable", InstallationState.device)?.string ?? "0"
  }

  @Test func autoUsesTheDeviceWhereNodesHaveItAndNothingOfThemWhereTheyDoNot() async throws {
    let application = PlainApplication(namespace: "e2e-auto", labels: "odigos-instrumentation: enabled")
    defer { application.remove() }
    try await Setting.with(["mountMethod": "auto"], shownAs: "mountMethod:auto") {
      try await application.deploy()
      try await application.waitUntil("web", isInstrumented: true)
      #expect(PodMarks(try #require(try application.pods("web").first)).found.contains("device"))

      try await undoing {
        try NodeAgent.keepAway(false)
        try await Rollout.wait("daemonset", "odiglet", in: Cluster.systemNamespace)
        try await eventually("the device is back") { try devices() == "0" ? "no device" : nil }
      } after: {
        PodEnd.keepLogs(of: "odiglet")
        try NodeAgent.keepAway(true)
        try await restartWithoutTheDevice(application)
      }
    }
  }

  private func restartWithoutTheDevice(_ application: PlainApplication) async throws {
    try await eventually("no node has the device") {
      let pods = try Cluster.list("pods", in: Cluster.systemNamespace, selector: "app.kubernetes.io/name=odiglet")
      let (count, agents) = (try devices(), pods.filter { !PodEnd.hasCome($0) })
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
