import JSON
import Testing

/// Argo Rollouts and DeploymentConfigs, as far as a cluster without their controllers can show: neither Argo nor
/// OpenShift runs here. Their definitions and objects are made by the test, which also plays their controllers; ours
/// are the selection, the InstrumentationConfig, the inspection and injection of their pods, and how a restart is asked
/// for. The definitions come after the instrumentor was started.
@Suite(.serialized, .enabled(if: Cluster.isGiven, "no cluster: run hack/e2e"))
struct ForeignWorkloadTests {
  init() async throws {
    try await Installation.ensure()
  }

  @Test(arguments: [
    ForeignWorkload.rollout(in: "e2e-rollout"), ForeignWorkload.deploymentConfig(in: "e2e-deploymentconfig"),
  ]) func areInstrumentedAndLetGo(_ workload: ForeignWorkload) async throws {
    workload.removeAll()
    try await workload.waitUntilAllIsRemoved()
    defer { workload.removeAll() }
    try await workload.define()
    try await workload.deploy()
    try workload.playController(deletesPods: false)
    try workload.addSource()
    let before = try workload.object()?.at("spec", "template")
    try await eventually("\(workload.kind): a restart is asked for") {
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

    try Cluster.delete("source", "web", in: workload.namespace)
    try await eventually("\(workload.kind): a restart without agents is asked for") {
      try workload.restart() == asked ? "not yet" : nil
    }
    if workload.kind != "rollout" {
      try await eventually("\(workload.kind): its template is put back") {
        try workload.object()?.at("spec", "template") == before ? nil : "not yet"
      }
    }
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
    try await eventually("\(workload.kind): nothing is kept of it") {
      try workload.config() == nil ? nil : "its InstrumentationConfig is there"
    }
  }
}
