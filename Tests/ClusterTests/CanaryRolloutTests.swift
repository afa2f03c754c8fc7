import Foundation
import JSON
import Testing

/// New agents are tried out first (`rollout.canary`), on a real cluster.
@Suite(.serialized, .enabled(if: Cluster.isGiven, "no cluster: run hack/e2e"))
struct CanaryRolloutTests {
  /// How long a canary has to stay ready, in seconds.
  private static let stability = 15

  init() throws {
    try Installation.ensure()
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

  @Test func onePodTriesTheAgentsBeforeTheOthersGetThem() async throws {
    let application = FragileApplication(namespace: "e2e-canary-pod", replicas: 3)
    defer { application.remove() }
    try await withCanary("pod") {
      try application.deploy()
      let template = try application.template()
      try application.optIn()
      var ready = 0
      try await eventually("one pod is ready with the agents", within: .seconds(120)) {
        let tried = try application.pods().filter(isInstrumented)
        #expect(tried.count <= 1, "nobody follows before the canary was ready")
        guard let since = tried.first.flatMap(readySince) else { return "\(tried.count) pods have them" }
        ready = since
        return nil
      }
      #expect(try application.template() == template, "the workload is not restarted for it")
      try await eventually("all pods have the agents", within: .seconds(150)) {
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
    try await withCanary("pod", grace: "5s") {
      try application.deploy()
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
      try application.deploy()
      try Cluster.kubectl("label", "namespace", application.namespace, "odigos-instrumentation=enabled")
      var canary = ""
      var ready = 0
      try await eventually("one workload is ready with the agents", within: .seconds(120)) {
        let tried = try ["backend", "web"].filter { try application.pods($0).contains(where: isInstrumented) }
        #expect(tried.count <= 1, "its neighbour waits")
        guard let name = tried.first else { return "none has them" }
        canary = name
        guard let since = try application.pods(name).filter(isInstrumented).first.flatMap(readySince) else {
          return "\(name) is not ready"
        }
        ready = since
        return nil
      }
      let other = canary == "web" ? "backend" : "web"
      try await application.waitUntil(other, isInstrumented: true, within: .seconds(150))
      let first = try application.pods(other).map(created).min() ?? 0
      #expect(first >= ready + Self.stability - 1, "\(other) follows after \(canary) stayed ready")
    }
  }
}
