import JSON
import KubeClient
import KubeObjects
import OdigosObjects
import Policy
import Testing

@testable import Instrumentor

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
