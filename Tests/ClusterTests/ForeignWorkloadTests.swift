import JSON
import Testing

/// Argo Rollouts and DeploymentConfigs, as far as a cluster without their controllers can show: neither Argo nor
/// OpenShift runs here. Their definitions and objects are made by the test, which also plays their controllers; ours
/// are the selection, the InstrumentationConfig, the inspection and injection of their pods, and how a restart is asked
/// for. The definitions come after the instrumentor was started.
@Suite(.serialized, .enabled(if: Cluster.isGiven, "no cluster: run hack/e2e"))
struct ForeignWorkloadTests {
  init() throws {
    try Installation.ensure()
  }

  @Test(arguments: [
    ForeignWorkload.rollout(in: "e2e-rollout"), ForeignWorkload.deploymentConfig(in: "e2e-deploymentconfig"),
  ]) func areInstrumentedAndLetGo(_ workload: ForeignWorkload) async throws {
    try #require(try Cluster.list("pods", in: Cluster.systemNamespace).count > 0)
    workload.remove()
    try await eventually("nothing is left of an earlier run") {
      try Cluster.exists("namespace", workload.namespace, in: "default") ? "the namespace is there" : nil
    }
    defer { workload.remove() }
    try workload.define()
    try workload.deploy()
    try workload.playController(deletesPods: false)
    try workload.addSource()
    let before = try workload.object()?.at("spec", "template")
    try await eventually("\(workload.kind): a restart is asked for", within: .seconds(150)) {
      try workload.restart() == nil
        ? "AgentEnabled: \(try workload.reason("AgentEnabled")), WorkloadRollout: \(try workload.reason("WorkloadRollout"))"
        : nil
    }
    let owner = try #require(try workload.config()?.at("metadata", "ownerReferences")?[0])
    #expect(owner["kind"]?.string == workload.title && owner["name"] == "web")
    let asked = try workload.restart()
    try workload.playController(deletesPods: true)
    try await eventually("\(workload.kind): its pod has agents") {
      let marks = try workload.pods().map { PodMarks($0) }
      return !marks.isEmpty && marks.allSatisfy(\.isInstrumented) ? nil : "marks: \(marks.map(\.found))"
    }
    try await eventually("\(workload.kind): the rollout is finished") {
      let reason = try workload.reason("WorkloadRollout")
      return reason == "RolloutFinished" ? nil : reason
    }
    #expect(try workload.restart() == asked, "once")

    try Cluster.kubectl("delete", "source", "web", "-n", workload.namespace)
    try await eventually("\(workload.kind): a restart without agents is asked for") {
      try workload.restart() == asked ? "not yet" : nil
    }
    if workload.kind != "rollout" { #expect(try workload.object()?.at("spec", "template") == before, "put back") }
    try workload.playController(deletesPods: true)
    try await eventually("\(workload.kind): its pod is plain") {
      let pods = try workload.pods()
      return !pods.isEmpty && pods.allSatisfy { PodMarks($0).found.isEmpty }
        ? nil : "\(pods.map { PodMarks($0).found })"
    }
    try await eventually("\(workload.kind): no notes of ours stay") {
      let notes = try workload.object()?.at("metadata", "annotations")?.object?.keys.filter {
        $0.hasPrefix("odigos.io/")
      }
      return notes?.isEmpty == false ? "\(notes ?? [])" : nil
    }
    #expect(try workload.config() == nil)
  }
}
