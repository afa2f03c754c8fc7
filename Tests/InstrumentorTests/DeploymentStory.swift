import JSON
import KubeClient
import KubeObjects
import OdigosObjects
import Policy
import Testing

@testable import Instrumentor

/// Plays the cluster for one Deployment: each plan is applied to the objects, as the API server would.
struct DeploymentStory {
  var workload: JSONValue = [
    "metadata": ["name": "web", "namespace": "shop", "uid": "u1", "generation": 1],
    "spec": ["replicas": 1, "template": ["spec": ["containers": [["name": "app"]]]]],
    "status": ["observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1],
  ]
  var namespaceLabels: [String: String] = [:]
  var sources: [SourceFacts] = []
  var config: InstrumentationConfig?
  var nodeCollector = NodeCollectorState.ready([.traces])
  var pods = [PodFacts(name: "web-0")]
  var recovery: String?
  var configuration = OdigosConfiguration()
  /// Seconds since 2025 began, more than restarts wait for between two steps.
  var clock = 0
  var reference = WorkloadReference(namespace: "shop", kind: .deployment, name: "web")

  /// Plans once and applies the plan.
  mutating func step() -> WorkloadPlan {
    clock += 5
    let selection = Selection.decide(
      workload: reference, workloadLabels: [:], namespaceLabels: namespaceLabels, sources: SourceIndex(sources),
      ownNamespace: "odigos-system")
    let plan = WorkloadPlan.make(
      WorkloadSituation(
        workload: WorkloadObject(reference, workload), selection: selection, config: config,
        nodeCollector: nodeCollector, configuration: configuration, pods: pods, recovery: recovery,
        now: KubeTime(seconds: now).text))
    switch plan.config {
    case .leave: break
    case .delete: config = nil
    case .apply(let desired):
      let status = config?.json["status"]
      config = desired
      config?.json["status"] = status
    }
    if let status = plan.status, let applied = config {
      let details = config?.json.at("status", "runtimeDetailsByContainer")
      config?.json["status"] = status.applied(to: applied.key).json["status"]
      config?.json.set(["status", "runtimeDetailsByContainer"], details)
    }
    if let patch = plan.workloadPatch { workload = workload.merged(with: patch) }
    return plan
  }

  mutating func detectPython() {
    config?.json.set(
      ["status", "runtimeDetailsByContainer"],
      [["containerName": "app", "language": "python", "runtimeVersion": "3.11.2", "secureExecutionMode": false]])
  }

  /// Seconds since 1970.
  var now: Int { 1_735_689_600 + clock }

  mutating func setPods(_ hashes: String..., readiness: PodFacts.Readiness = .ready(since: 0)) {
    pods = hashes.enumerated().map { PodFacts(name: "web-\($0)", hash: $1, createdAt: now, readiness: readiness) }
  }

  /// From nothing to pods with agents; returns their hash.
  mutating func instrument() throws -> String {
    namespaceLabels = [OdigosLabel.instrumentation: "enabled"]
    _ = step()
    detectPython()
    _ = step()
    _ = step()
    let hash = try #require(config?.spec.agentsMetaHash)
    setPods(hash)
    _ = step()
    return hash
  }

  func reason(_ condition: String) -> String? { config?.status.conditions.condition(condition)?.reason }

  var template: JSONValue? { workload.at("spec", "template") }
}
