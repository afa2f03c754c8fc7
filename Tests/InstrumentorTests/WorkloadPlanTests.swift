import JSON
import KubeClient
import KubeObjects
import OdigosObjects
import Policy
import Testing

@testable import Instrumentor

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
