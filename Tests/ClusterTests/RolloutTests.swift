import Foundation
import JSON
import Testing

/// Rollbacks, repair and GitOps mode on a real cluster, each test in a namespace of its own.
@Suite(.serialized, .enabled(if: Cluster.isGiven, "no cluster: run hack/e2e"))
struct RolloutTests {
  init() async throws {
    try await Installation.ensure()
  }

  @Test func aCrashLoopTakesTheAgentsBackUntilRecovery() async throws {
    let application = FragileApplication(namespace: "e2e-crash", withAgents: "sys.exit(1)")
    defer { application.remove() }
    // Long enough for a busy machine to crash in, so that it is told from a pod that only never gets ready.
    try await Setting.with("instrumentation-auto-rollback-grace-time", "20s", shownAs: "rollbackGraceTime:20s") {
      try await application.deploy()
      let template = try application.template()
      try application.optIn()
      try await application.waitForRollback("CrashLoopBackOff")
      try await application.waitUntilPlain()
      #expect(try application.template() == template)
      try await eventually("the status of the pods") {
        let status = try application.config()?.at("status", "podsManifestInjectionStatus")
        return status?["hasUninjectedPods"]?.bool == true ? nil : "\(status ?? .null)"
      }

      // Nothing happens by itself; a new value of the annotation tries again.
      try Cluster.kubectl(
        "annotate", "deployment", "app", "-n", application.namespace, "odigos.io/rollback-recovery=first", "--overwrite"
      )
      try await eventually("the recovery") {
        let annotations = try application.config()?.at("metadata", "annotations")
        let value = annotations?["odigos.io/rollback-recovery-processed"]?.string
        return value == "first" ? nil : "processed: \(value ?? "nothing")"
      }
      try await application.waitForRollback("CrashLoopBackOff")
      try await application.waitUntilPlain()
    }
  }

  @Test func lostReadinessTakesTheAgentsBack() async throws {
    let application = FragileApplication(namespace: "e2e-unready", withAgents: "time.sleep(1e6)")
    defer { application.remove() }
    try await Setting.with("instrumentation-auto-rollback-grace-time", "5s", shownAs: "rollbackGraceTime:5s") {
      try await application.deploy()
      let template = try application.template()
      try application.optIn()
      try await application.waitForRollback("ReadinessLost")
      try await application.waitUntilPlain()
      #expect(try application.template() == template)
    }
  }

  @Test func podsThatMissedTheWebhookAreRepaired() async throws {
    let application = PlainApplication(namespace: "e2e-missed", labels: "odigos-instrumentation: enabled")
    defer { application.remove() }
    try await application.deploy()
    try await application.waitUntil("web", isInstrumented: true)

    try await Installation.withoutInstrumentor {
      try Cluster.kubectl("delete", "pod", "-n", application.namespace, "-l", "app=web", "--wait=false")
      try await application.waitUntil("web", isInstrumented: false)
    }
    try await application.waitUntil("web", isInstrumented: true)

    try Cluster.kubectl("label", "namespace", application.namespace, "odigos-instrumentation-")
    try Cluster.kubectl("label", "namespace", application.namespace, "odigos-instrumentation=disabled")
    try await application.waitUntil("web", isInstrumented: false)
    try await eventually("no notes of ours stay on the workload") {
      let deployment = try Cluster.get("deployment", "web", in: application.namespace)
      let notes = deployment?.at("metadata", "annotations")?.object?.keys.filter { $0.hasPrefix("odigos.io/") } ?? []
      return notes.isEmpty ? nil : "\(notes)"
    }
  }

  @Test func gitOpsModeLeavesTemplatesAlone() async throws {
    let application = PlainApplication(namespace: "e2e-gitops")
    defer { application.remove() }
    try await Setting.with("automatic-rollout-disabled", "true", shownAs: "automaticRolloutDisabled:true") {
      try await application.deploy()
      let before = try Cluster.get("deployment", "web", in: application.namespace)?.at("spec", "template")
      try Cluster.kubectl("label", "namespace", application.namespace, "odigos-instrumentation=enabled")
      try await eventually("the condition that says what to do") {
        let conditions = try Cluster.get("instrumentationconfig", "deployment-web", in: application.namespace)?
          .at("status", "conditions")?.array
        let reasons = Set((conditions ?? []).compactMap { $0["reason"]?.string })
        let wanted: Set = ["Disabled", "RestartRequiredAutoRolloutDisabled"]
        return wanted.isSubset(of: reasons) ? nil : "reasons: \(reasons.sorted())"
      }
      #expect(try Cluster.get("deployment", "web", in: application.namespace)?.at("spec", "template") == before)

      try Cluster.kubectl("rollout", "restart", "deployment/web", "-n", application.namespace)
      try await application.waitUntil("web", isInstrumented: true)
    }
  }
}
