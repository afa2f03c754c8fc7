import Foundation
import JSON
import Testing

/// New agents are tried out first (`rollout.canary`), on a real cluster.
@Suite(.serialized, .enabled(if: Cluster.isGiven, "no cluster: run hack/e2e"))
struct CanaryRolloutTests {
  /// How long a canary has to stay ready, in seconds.
  private static let stability = 15

  init() async throws {
    try await Installation.ensure()
  }

  private func withCanary(_ mode: String, grace: String = "5m", _ body: () async throws -> Void) async throws {
    let canary = "{canary: {enabled: true, mode: \(mode), stabilitySeconds: \(Self.stability)}}"
    try await Setting.with(
      ["rollout": canary, "rollbackGraceTime": grace], shownAs: "stabilitySeconds:\(Self.stability)", body)
  }

  private func isInstrumented(_ pod: JSONValue) -> Bool { PodMarks(pod).isInstrumented }

  /// In seconds since 1970.
  private func time(_ text: String?) -> Int? {
    text.flatMap { ISO8601DateFormatter().date(from: $0) }.map { Int($0.timeIntervalSince1970) }
  }

  private func readySince(_ pod: JSONValue) -> Int? {
    let ready = pod.at("status", "conditions")?.array?.first { $0["type"]?.string == "Ready" }
    return ready?["status"]?.string == "True" ? time(ready?["lastTransitionTime"]?.string) : nil
  }

  private func created(_ pod: JSONValue) -> Int { time(pod.at("metadata", "creationTimestamp")?.string) ?? 0 }

  /// Of pods with agents the first, when nobody followed before it had been ready long enough. How much time goes by
  /// between two looks says nothing of that.
  private func canary(of pods: [JSONValue]) -> JSONValue? {
    let tried = pods.filter(isInstrumented).sorted { created($0) < created($1) }
    guard let first = tried.first else { return nil }
    for later in tried.dropFirst() {
      let ready = readySince(first).map { $0 + Self.stability - 1 } ?? .max
      #expect(created(later) >= ready, "nobody follows before the canary stayed ready")
    }
    return first
  }

  @Test func onePodTriesTheAgentsBeforeTheOthersGetThem() async throws {
    let application = FragileApplication(namespace: "e2e-canary-pod", replicas: 3)
    defer { application.remove() }
    try await withCanary("pod") {
      try await application.deploy()
      let template = try application.template()
      try application.optIn()
      var ready = 0
      try await eventually("one pod is ready with the agents") {
        let tried = canary(of: try application.pods())
        guard let since = tried.flatMap(readySince) else { return tried == nil ? "no pod has them" : "not ready" }
        ready = since
        return nil
      }
      let isRestarted = try application.template() != template
      let now = Int(Date().timeIntervalSince1970)
      #expect(!isRestarted || now >= ready + Self.stability - 1, "the workload is not restarted for it")
      try await eventually("all pods have the agents") {
        let pods = try application.pods()
        let done = pods.filter { isInstrumented($0) && readySince($0) != nil }
        return pods.count == 3 && done.count == 3 ? nil : "\(done.count) of \(pods.count)"
      }
      let first = try application.pods().map(created).min() ?? 0
      #expect(first >= ready + Self.stability - 1, "the others follow after it stayed ready")
    }
  }

  @Test func aPodThatCrashesWithTheAgentsKeepsThemFromTheOthers() async throws {
    let application = FragileApplication(namespace: "e2e-canary-crash", withAgents: "sys.exit(1)", replicas: 3)
    defer { application.remove() }
    try await withCanary("pod", grace: "20s") {
      try await application.deploy()
      let template = try application.template()
      let before = Set(try application.pods().compactMap { $0.at("metadata", "uid")?.string })
      try application.optIn()
      try await application.waitForRollback("CrashLoopBackOff")
      try await application.waitUntilPlain()
      #expect(try application.template() == template, "it was never restarted")
      let after = Set(try application.pods().compactMap { $0.at("metadata", "uid")?.string })
      #expect(before.intersection(after).count == 2, "two of three pods were never touched")
    }
  }

  @Test func oneWorkloadTriesTheAgentsBeforeItsNeighbours() async throws {
    let application = PlainApplication(namespace: "e2e-canary-workload")
    defer { application.remove() }
    try await withCanary("workload") {
      try await application.deploy()
      try Cluster.kubectl("label", "namespace", application.namespace, "odigos-instrumentation=enabled")
      var canary = ""
      var ready = 0
      try await eventually("one workload is ready with the agents") {
        // Of one moment.
        guard let pod = self.canary(of: try application.livePods()) else { return "none has them" }
        canary = pod.at("metadata", "labels", "app")?.string ?? ""
        guard let since = readySince(pod) else { return "\(canary) is not ready" }
        ready = since
        return nil
      }
      let other = canary == "web" ? "backend" : "web"
      try await application.waitUntil(other, isInstrumented: true)
      let first = try application.pods(other).map(created).min() ?? 0
      #expect(first >= ready + Self.stability - 1, "\(other) follows after \(canary) stayed ready")
    }
  }
}
