import JSON
import Testing

@testable import OdigosCLI

@Suite struct ReadinessTests {
  @Test func deploymentIsReadyWhenItsNewestPodsAre() {
    var deployment: JSONValue = [
      "kind": "Deployment", "metadata": ["generation": 2], "spec": ["replicas": 2],
      "status": ["observedGeneration": 1, "updatedReplicas": 2, "readyReplicas": 2],
    ]
    #expect(Readiness.missing(deployment) == "its change is not seen yet")
    deployment.set(["status", "observedGeneration"], 2)
    #expect(Readiness.missing(deployment) == nil)
    deployment.set(["status", "readyReplicas"], 1)
    #expect(Readiness.missing(deployment) == "1 of 2 pods are ready")
    deployment.set(["status", "updatedReplicas"], 0)
    #expect(Readiness.missing(deployment) == "0 of 2 pods are updated")
  }

  @Test func daemonSetWithoutNodesIsNotReady() {
    let set: JSONValue = ["kind": "DaemonSet", "metadata": ["generation": 1], "status": ["observedGeneration": 1]]
    #expect(Readiness.missing(set) == "no node takes its pods")
  }

  @Test func troubleIsToldInTheClustersWords() {
    let pulling: JSONValue = [
      "status": [
        "containerStatuses": [["state": ["waiting": ["reason": "ErrImagePull", "message": "no such image"]]]]
      ]
    ]
    #expect(Readiness.trouble(pulling) == "ErrImagePull: no such image")
    let pending: JSONValue = [
      "status": ["conditions": [["type": "PodScheduled", "status": "False", "message": "0/1 nodes are available"]]]
    ]
    #expect(Readiness.trouble(pending) == "0/1 nodes are available")
    #expect(Readiness.trouble(["status": ["phase": "Running"]]) == nil)
  }

  private static func refused(_ name: String, _ message: String, at time: String, kind: String = "DaemonSet")
    -> JSONValue
  {
    [
      "reason": "FailedCreate", "message": .string(message), "lastTimestamp": .string(time),
      "involvedObject": ["kind": .string(kind), "name": .string(name)],
    ]
  }

  @Test func aDaemonSetWhosePodsAreRefusedSaysWhy() {
    let events = [
      Self.refused("odiglet", "newest", at: "2030-01-01T00:00:02Z"),
      Self.refused("odiglet", "older", at: "2030-01-01T00:00:01Z"),
      Self.refused("other", "of another one", at: "2030-01-01T00:00:03Z"),
      Self.refused("odiglet", "of another kind", at: "2030-01-01T00:00:03Z", kind: "ReplicaSet"),
    ]
    // As Kubernetes 1.20 leaves it while pods are refused.
    var set: JSONValue = [
      "kind": "DaemonSet", "metadata": ["name": "odiglet"],
      "status": ["desiredNumberScheduled": 2, "currentNumberScheduled": 2],
    ]
    #expect(Readiness.refusal(set, pods: 1, events: events) == "newest")
    #expect(Readiness.refusal(set, pods: 1, events: []) == nil)
    // All pods are there: it is over.
    #expect(Readiness.refusal(set, pods: 2, events: events) == nil)
    // None has ever been made.
    set["status"] = nil
    #expect(Readiness.refusal(set, pods: 0, events: events) == "newest")
  }

  @Test func aDeploymentWhosePodsAreRefusedSaysWhy() {
    var deployment: JSONValue = [
      "kind": "Deployment", "metadata": ["name": "odigos-autoscaler"],
      "status": ["conditions": [["type": "ReplicaFailure", "status": "True", "message": "exceeded quota"]]],
    ]
    #expect(Readiness.refusal(deployment, pods: 0, events: []) == "exceeded quota")
    deployment.set(["status", "conditions"], [["type": "Available", "status": "True", "message": "it is"]])
    #expect(Readiness.refusal(deployment, pods: 0, events: []) == nil)
  }

  @Test func whatIsToDoAboutPodSecurityIsTold() {
    let refused = #"pods "odiglet-x" is forbidden: violates PodSecurity "baseline:latest": host namespaces"#
    #expect(Readiness.remedy([refused])?.contains("pod-security.kubernetes.io/enforce=privileged") == true)
  }

  @Test func whatIsToDoAboutATakenPortIsTold() {
    let taken = "odiglet-x: 0/3 nodes are available: 1 node(s) didn't have free ports for the requested pod ports."
    #expect(Readiness.remedy(["odiglet-y: not scheduled", taken])?.contains("odigos install --opamp-port") == true)
    #expect(Readiness.remedy(["odiglet-y: not scheduled"]) == nil)
  }
}
