import JSON
import KubeObjects
import OdigosObjects
import Policy
import Testing

@testable import Instrumentor

/// Plays the cluster for one Deployment: each plan is applied to the objects, as the API server would.
private struct DeploymentStory {
  var workload: JSONValue = [
    "metadata": ["name": "web", "namespace": "shop", "uid": "u1", "generation": 1],
    "spec": ["replicas": 1, "template": ["spec": ["containers": [["name": "app"]]]]],
    "status": ["observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1],
  ]
  var namespaceLabels: [String: String] = [:]
  var sources: [SourceFacts] = []
  var config: InstrumentationConfig?
  var nodeCollector = NodeCollectorState.ready([.traces])
  var podHashes = [""]
  var clock = 0
  let reference = WorkloadReference(namespace: "shop", kind: .deployment, name: "web")

  /// Plans once and applies the plan.
  mutating func step() -> WorkloadPlan {
    clock += 1
    let selection = Selection.decide(
      workload: reference, workloadLabels: [:], namespaceLabels: namespaceLabels, sources: SourceIndex(sources),
      ownNamespace: "odigos-system")
    let plan = WorkloadPlan.make(
      WorkloadSituation(
        workload: WorkloadObject(reference, workload), selection: selection, config: config,
        nodeCollector: nodeCollector, configuration: OdigosConfiguration(), podHashes: podHashes,
        now: "2025-01-01T00:00:0\(clock)Z"))
    switch plan.config {
    case .leave: break
    case .delete: config = nil
    case .apply(let desired):
      let status = config?.json["status"]
      config = desired
      config?.json["status"] = status
    }
    if config != nil, !plan.conditions.isEmpty {
      config?.status.conditions = plan.conditions
      config?.status.workloadRolloutHash = plan.workloadRolloutHash
    }
    if let patch = plan.workloadPatch { workload = Self.merge(patch, into: workload) }
    return plan
  }

  /// RFC 7386.
  static func merge(_ patch: JSONValue, into target: JSONValue) -> JSONValue {
    guard let members = patch.object else { return patch }
    var result = target.object == nil ? [:] : target
    for (key, value) in members {
      let merged: JSONValue? = value.isNull ? Optional.none : merge(value, into: result[key] ?? [:])
      result[key] = merged
    }
    return result
  }

  mutating func detectPython() {
    config?.json.set(
      ["status", "runtimeDetailsByContainer"],
      [["containerName": "app", "language": "python", "runtimeVersion": "3.11.2", "secureExecutionMode": false]])
  }

  var template: JSONValue? { workload.at("spec", "template") }
}

@Suite struct WorkloadPlanTests {
  @Test func aLabelledNamespaceIsMarkedThenEnabledThenRestartedOnce() throws {
    var story = DeploymentStory()
    story.namespaceLabels = [OdigosLabel.instrumentation: "enabled"]
    #expect(story.step().workloadPatch == nil)
    #expect(story.config?.spec.serviceName == "web")
    #expect(story.config?.spec.agentInjectionEnabled == false)
    #expect(story.config?.status.conditions.condition("MarkedForInstrumentation")?.reason == "NamespaceLabel")
    #expect(story.config?.status.conditions.condition("AgentEnabled")?.status == "Unknown")
    #expect(story.config?.metadata.ownerReferences.first?.uid == "u1")

    story.detectPython()
    #expect(story.step().workloadPatch == nil, "the webhook's copies do not know the hash yet")
    let hash = try #require(story.config?.spec.agentsMetaHash)
    #expect(hash.count == 16)
    #expect(story.step().workloadPatch != nil)
    #expect(story.config?.status.workloadRolloutHash == hash)

    story.podHashes = [hash]
    for _ in 0..<3 { #expect(story.step().workloadPatch == nil) }
    #expect(story.config?.status.conditions.condition("WorkloadRollout")?.reason == "RolloutFinished")
  }

  @Test(arguments: [nil, "2024-06-01T00:00:00Z"])
  func takingTheLabelAwayPutsTheTemplateBack(restartedBefore: String?) throws {
    var story = DeploymentStory()
    if let restartedBefore {
      story.workload.set(
        ["spec", "template", "metadata", "annotations", OdigosAnnotation.restartedAt], .string(restartedBefore))
    } else {
      story.workload.set(["spec", "template", "metadata"], ["annotations": [:]])
    }
    let before = story.template
    story.namespaceLabels = [OdigosLabel.instrumentation: "enabled"]
    _ = story.step()
    story.detectPython()
    _ = story.step()
    _ = story.step()
    #expect(story.template != before)
    story.podHashes = [try #require(story.config?.spec.agentsMetaHash)]

    story.namespaceLabels = [:]
    let removal = story.step()
    #expect(removal.config == .delete)
    #expect(removal.workloadPatch == nil, "new pods must find no InstrumentationConfig")
    _ = story.step()
    #expect(story.template == before)
    #expect(story.workload.at("metadata", "annotations") == [:])
    story.podHashes = [""]
    #expect(story.step() == WorkloadPlan())
  }

  @Test func podsInjectedWithoutARestartOfOursAreRestartedWhenOptedOut() {
    var story = DeploymentStory()
    story.podHashes = ["0123456789abcdef"]
    #expect(story.step().workloadPatch != nil)
    #expect(story.workload.at("metadata", "annotations") == [:])
  }

  @Test func collectorsThatRestartTakeNoAgentAway() throws {
    var story = DeploymentStory()
    story.namespaceLabels = [OdigosLabel.instrumentation: "enabled"]
    _ = story.step()
    story.detectPython()
    _ = story.step()
    let hash = try #require(story.config?.spec.agentsMetaHash)
    story.podHashes = [hash]
    story.nodeCollector = .notReady
    let plan = story.step()
    #expect(plan.config == .leave)
    #expect(plan.workloadPatch == nil)
    #expect(story.config?.spec.agentsMetaHash == hash)
  }

  @Test func contradictingSourcesChangeNothingAndAreNamed() {
    var story = DeploymentStory()
    story.namespaceLabels = [OdigosLabel.instrumentation: "enabled"]
    _ = story.step()
    let spec = story.config?.json["spec"]
    for name in ["one", "two"] {
      let source = SourceFacts(json: [
        "metadata": ["name": .string(name), "namespace": "shop"],
        "spec": ["workload": ["kind": "Deployment", "name": "web", "namespace": "shop"]],
      ])
      if let source { story.sources.append(source) }
    }
    _ = story.step()
    #expect(story.config?.json["spec"] == spec)
    let condition = story.config?.status.conditions.condition("MarkedForInstrumentation")
    #expect(condition?.reason == "ConflictingSources")
    #expect(condition?.message?.contains("one, two") == true)
  }

  @Test func aPausedDeploymentWaits() {
    var story = DeploymentStory()
    story.namespaceLabels = [OdigosLabel.instrumentation: "enabled"]
    story.workload.set(["spec", "paused"], true)
    _ = story.step()
    story.detectPython()
    _ = story.step()
    let plan = story.step()
    #expect(plan.workloadPatch == nil)
    #expect(plan.retryAfterSeconds != nil)
  }
}
