import JSON
import KubeClient
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

@Suite struct RollbackPlanTests {
  /// A workload whose pods crash with their agents, after the grace time.
  private func crashed() throws -> (story: DeploymentStory, hash: String) {
    var story = DeploymentStory()
    let hash = try story.instrument()
    story.pods[0].trouble = .crashLoop
    #expect(story.step().retryAfterSeconds != nil, "the grace time is not over")
    #expect(story.config?.spec.agentInjectionEnabled == true)
    story.clock += 300
    return (story, hash)
  }

  @Test func aCrashLoopTakesTheAgentsBackUntilRecovery() throws {
    var (story, hash) = try crashed()
    let rollback = story.step()
    #expect(
      rollback.appliesStatusFirst, "a leader that dies in between must not be succeeded by one that knows nothing")
    #expect(rollback.announcements.contains { $0.isWarning && $0.reason.code == .crashLoopBackOff })
    #expect(story.config?.status.rollbackOccurred == true)
    #expect(story.config?.spec.agentInjectionEnabled == false)
    #expect(story.config?.spec.containers.first?.agentEnabledReason == "CrashLoopBackOff")
    #expect(story.reason("AgentEnabled") == "CrashLoopBackOff")
    let restart = story.step()
    #expect(restart.replacesPods)
    #expect(story.template?.at("metadata", "annotations", OdigosAnnotation.restartedAt) == nil, "it is put back")
    story.setPods("")
    for _ in 0..<3 { #expect(story.step().workloadPatch == nil) }
    #expect(story.config?.status.workloadRolloutHash == nil)

    story.recovery = "again"
    let recovery = story.step()
    #expect(recovery.appliesStatusFirst)
    #expect(story.config?.status.rollbackOccurred == nil)
    #expect(story.config?.metadata.annotations[OdigosAnnotation.rollbackRecoveryProcessed] == "again")
    #expect(story.config?.spec.agentsMetaHash == hash)
    #expect(story.step().replacesPods, "the same agents are brought in once more")
    story.setPods(hash)
    story.pods[0].trouble = .imagePull
    _ = story.step()
    story.clock += 300
    _ = story.step()
    #expect(story.reason("AgentEnabled") == "ImagePullBackOff")
    for _ in 0..<3 { _ = story.step() }
    #expect(story.config?.status.rollbackOccurred == true, "that value was acted on already")
  }

  @Test func aLeaderThatDiesAfterTheStatusIsSucceededByOneThatGoesOn() throws {
    var (story, _) = try crashed()
    let before = story.config
    _ = story.step()
    // Only the status was written.
    var half = before
    half?.json["status"] = story.config?.json["status"]
    story.config = half
    story.pods[0].trouble = nil
    _ = story.step()
    #expect(story.config?.spec.agentInjectionEnabled == false)
    #expect(story.reason("AgentEnabled") == "CrashLoopBackOff")
    let text = story.config?.status.conditions.condition("AgentEnabled")?.message ?? ""
    #expect(text.contains("web-0"), "the reason is kept as it was: \(text)")
  }

  @Test(arguments: [true, false]) func lostReadinessTakesTheAgentsBack(sameTemplate: Bool) throws {
    var story = DeploymentStory()
    let hash = try story.instrument()
    story.setPods(hash, readiness: .unready(since: story.now))
    if !sameTemplate {
      story.workload.set(["spec", "template", "spec", "containers"], [["name": "app", "image": "new"]])
    }
    _ = story.step()
    story.clock += 300
    _ = story.step()
    #expect(
      story.config?.status.rollbackOccurred == (sameTemplate ? true : nil), "somebody else changed its containers")
    if sameTemplate { #expect(story.reason("AgentEnabled") == "ReadinessLost") }
  }

  @Test func podsThatCrashBeforeAreNotInstrumented() {
    var story = DeploymentStory()
    story.namespaceLabels = [OdigosLabel.instrumentation: "enabled"]
    _ = story.step()
    story.detectPython()
    story.pods[0].trouble = .crashLoop
    _ = story.step()
    #expect(story.reason("AgentEnabled") == "CrashLoopBackOff")
    #expect(story.config?.spec.agentInjectionEnabled == false && story.config?.status.rollbackOccurred == nil)
    story.pods[0].trouble = nil
    _ = story.step()
    #expect(story.config?.spec.agentInjectionEnabled == true)
  }

  @Test func gitOpsNeverTouchesTheTemplate() throws {
    var story = DeploymentStory()
    story.configuration.rollout.automaticRolloutDisabled = true
    let template = story.template
    let hash = try story.instrument()
    story.setPods("")
    _ = story.step()
    #expect(story.reason("WorkloadRollout") == "Disabled")
    #expect(story.reason("PodsManifestInjection") == "RestartRequiredAutoRolloutDisabled")
    story.setPods(hash)
    _ = story.step()
    story.pods[0].trouble = .crashLoop
    story.clock += 300
    _ = story.step()
    _ = story.step()
    #expect(story.config?.status.rollbackOccurred == true)
    story.namespaceLabels = [:]
    #expect(story.step().announcements.first?.reason.code == .unmarkedFromOdigos)
    _ = story.step()
    #expect(story.template == template && story.workload.at("metadata", "annotations") == nil)
  }

  @Test func anArgoRolloutRestartsByItsOwnField() throws {
    var story = DeploymentStory()
    let reference = WorkloadReference(namespace: "shop", kind: .rollout, name: "web")
    story.reference = reference
    story.workload["status"] = ["phase": "Healthy", "observedGeneration": "1"]
    let template = story.template
    story.namespaceLabels = [OdigosLabel.instrumentation: "enabled"]
    _ = story.step()
    story.detectPython()
    _ = story.step()
    _ = story.step()
    #expect(story.workload.at("spec", "restartAt")?.string == KubeTime(seconds: story.now).text)
    #expect(WorkloadObject(reference, story.workload).isRolloutOngoing)
    story.workload.set(["status", "restartedAt"], story.workload.at("spec", "restartAt"))
    #expect(!WorkloadObject(reference, story.workload).isRolloutOngoing)
    #expect(story.template == template)
    story.workload.set(["status", "pauseConditions"], [["reason": "CanaryPauseStep"]])
    #expect(WorkloadObject(reference, story.workload).obstacle == .paused)
  }
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

    story.setPods(hash)
    for _ in 0..<3 { #expect(story.step().workloadPatch == nil) }
    #expect(story.reason("WorkloadRollout") == "RolloutFinished")
    #expect(story.reason("PodsManifestInjection") == "PodsAppliedSuccessfully")
    #expect(story.config?.status.instrumentationTime != nil)
    #expect(
      story.config?.json.at("status", "podsManifestInjectionStatus") == [
        "hasInjectedUpToDatePods": true, "hasInjectedOutOfDatePods": false, "hasUninjectedPods": false,
      ])
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
    story.setPods(try #require(story.config?.spec.agentsMetaHash))

    story.namespaceLabels = [:]
    let removal = story.step()
    #expect(removal.config == .delete)
    #expect(removal.workloadPatch == nil, "new pods must find no InstrumentationConfig")
    _ = story.step()
    #expect(story.template == before)
    #expect(story.workload.at("metadata", "annotations") == [:])
    story.setPods("")
    #expect(story.step() == WorkloadPlan())
  }

  @Test func podsInjectedWithoutARestartOfOursAreRestartedWhenOptedOut() {
    var story = DeploymentStory()
    story.setPods("0123456789abcdef")
    #expect(story.step().replacesPods)
    #expect(story.step().replacesPods, "pods that came with agents again are repaired")
    #expect(story.step().workloadPatch == nil, "but not for ever")
    story.setPods("")
    _ = story.step()
    #expect(story.workload.at("metadata", "annotations") == [:])
    #expect(story.step() == WorkloadPlan())
  }

  @Test func collectorsThatRestartTakeNoAgentAway() throws {
    var story = DeploymentStory()
    story.namespaceLabels = [OdigosLabel.instrumentation: "enabled"]
    _ = story.step()
    story.detectPython()
    _ = story.step()
    let hash = try #require(story.config?.spec.agentsMetaHash)
    story.setPods(hash)
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
