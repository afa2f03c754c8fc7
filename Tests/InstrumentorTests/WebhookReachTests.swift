import JSON
import KubeObjects
import Testing

@testable import Instrumentor

/// When requests can be expected to reach the webhook.
@Suite struct WebhookReachTests {
  private let start = ContinuousClock.now

  private func pod(
    _ name: String = "odigos-instrumentor-a", ready: Bool = true, in namespace: String = "odigos-system",
    label: String = "odigos-instrumentor", isGoing: Bool = false
  ) -> Pod {
    var pod = Pod(name: name, namespace: namespace)
    pod.metadata.labels = ["app.kubernetes.io/name": label]
    if isGoing { pod.json.set(["metadata", "deletionTimestamp"], "2025-01-01T00:00:00Z") }
    pod.json["status"] = ["phase": "Running", "conditions": [["type": "Ready", "status": ready ? "True" : "False"]]]
    return pod
  }

  private func at(_ seconds: Double) -> ContinuousClock.Instant { start + .seconds(seconds) }

  @Test func aReplicaThatIsReadyIsReachedSoon() {
    let reach = WebhookReach(namespace: "odigos-system")
    reach.podChanged(nil, pod(), at: at(0))
    #expect(!reach.isReached(at: at(5)), "this process does not serve")
    reach.setServing(true, at: at(5))
    #expect(reach.isReached(at: at(5)), "another replica has been ready for long")
    reach.podChanged(pod(), pod(), at: at(6))
    #expect(reach.isReached(at: at(6)), "a change of something else does not begin the time anew")
    reach.setServing(false, at: at(7))
    #expect(!reach.isReached(at: at(7)))
  }

  @Test func theServiceNeedsAMoment() {
    let reach = WebhookReach(namespace: "odigos-system")
    reach.setServing(true, at: at(0))
    reach.podChanged(nil, pod(ready: false), at: at(0))
    reach.podChanged(pod(ready: false), pod(), at: at(2))
    #expect(!reach.isReached(at: at(4.9)))
    #expect(reach.isReached(at: at(5)))
    reach.podChanged(pod(), pod(ready: false), at: at(6))
    #expect(!reach.isReached(at: at(6)))
  }

  @Test func podsOfOthersAndOnesThatGoDoNotCount() {
    let reach = WebhookReach(namespace: "odigos-system")
    reach.setServing(true, at: at(0))
    reach.podChanged(nil, pod(in: "shop"), at: at(0))
    reach.podChanged(nil, pod(label: "odigos-scheduler"), at: at(0))
    reach.podChanged(nil, pod(isGoing: true), at: at(0))
    reach.podChanged(nil, pod("gone"), at: at(0))
    reach.podChanged(pod("gone"), nil, at: at(1))
    #expect(!reach.isReached(at: at(9)))
    #expect(reach.isReached(at: at(10)), "whatever is known of pods, by then it is reached")
    reach.setServing(true, at: at(11))
    #expect(reach.isReached(at: at(11)), "a new certificate does not begin the time anew")
  }
}
