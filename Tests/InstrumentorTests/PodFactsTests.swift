import JSON
import KubeObjects
import Policy
import Testing

@testable import Instrumentor

@Suite struct PodFactsTests {
  private static func pod(_ status: JSONValue, deleted: Bool = false) -> Pod {
    var metadata: JSONValue = [
      "name": "web-1", "namespace": "shop", "creationTimestamp": "1970-01-01T00:01:00Z",
      "labels": ["odigos.io/agents-meta-hash": "h", "app": "web"], "annotations": ["big": "text"],
      "ownerReferences": [["kind": "StatefulSet", "name": "web", "uid": "u", "controller": true]],
    ]
    if deleted { metadata["deletionTimestamp"] = "1970-01-01T00:02:00Z" }
    return Pod(json: ["metadata": metadata, "spec": ["containers": [["name": "app"]]], "status": status])
  }

  private static func ready(_ status: String) -> JSONValue {
    [
      ["type": "Ready", "status": .string(status), "lastTransitionTime": "1970-01-01T00:01:30Z"],
      ["type": "Initialized"],
    ]
  }

  struct Case: Sendable, CustomTestStringConvertible {
    var title: String
    var pod: Pod
    var facts: PodFacts?
    var testDescription: String { title }
  }

  private static func facts(
    started: Bool = true, _ readiness: PodFacts.Readiness = .unready(since: 90), _ trouble: PodTrouble? = nil,
    lastCrash: Int? = nil, lastFailure: Int? = nil
  ) -> PodFacts {
    PodFacts(
      name: "web-1", hash: "h", createdAt: 60, isStarted: started, readiness: readiness, trouble: trouble,
      lastCrash: lastCrash, lastFailure: lastFailure)
  }

  static let cases = [
    Case(
      title: "ready",
      pod: pod(["phase": "Running", "conditions": ready("True"), "containerStatuses": [["ready": true]]]),
      facts: facts(.ready(since: 90))),
    Case(title: "just made", pod: pod([:]), facts: facts(started: false, .unready(since: 60))),
    Case(
      title: "waits to be pulled",
      pod: pod([
        "phase": "Pending", "conditions": ready("False"),
        "containerStatuses": [["state": ["waiting": ["reason": "ContainerCreating"]]]],
      ]), facts: facts(started: false)),
    Case(
      title: "image of an init container",
      pod: pod([
        "phase": "Pending", "conditions": ready("False"),
        "initContainerStatuses": [["state": ["waiting": ["reason": "ImagePullBackOff", "message": "no"]]]],
        "containerStatuses": [["state": ["waiting": ["reason": "PodInitializing"]]]],
      ]), facts: facts(started: false, .unready(since: 90), .imagePull)),
    Case(
      title: "crash loop",
      pod: pod([
        "phase": "Running", "conditions": ready("False"),
        "containerStatuses": [
          ["ready": true, "restartCount": 0],
          [
            "restartCount": 3, "state": ["waiting": ["reason": "CrashLoopBackOff"]],
            "lastState": ["terminated": ["exitCode": 1, "finishedAt": "1970-01-01T00:01:20Z"]],
          ],
        ],
      ]), facts: facts(.unready(since: 90), .crashLoop, lastCrash: 80, lastFailure: 80)),
    Case(
      title: "restarted once",
      pod: pod([
        "phase": "Running", "conditions": ready("False"),
        "containerStatuses": [
          ["restartCount": 1, "lastState": ["terminated": ["exitCode": 1, "finishedAt": "1970-01-01T00:01:20Z"]]]
        ],
      ]), facts: facts(lastFailure: 80)),
    Case(
      title: "has failed just now",
      pod: pod([
        "phase": "Running", "conditions": ready("False"),
        "containerStatuses": [
          ["restartCount": 0, "state": ["terminated": ["exitCode": 2, "finishedAt": "1970-01-01T00:01:25Z"]]]
        ],
      ]), facts: facts(lastFailure: 85)),
    Case(title: "is being deleted", pod: pod(["phase": "Running"], deleted: true), facts: nil),
    Case(title: "has ended", pod: pod(["phase": "Failed"]), facts: nil),
  ]

  @Test(arguments: cases) func readsTheWholePodAndTheReducedOne(_ item: Case) {
    #expect(PodFacts(item.pod) == item.facts)
    #expect(PodFacts(item.pod.reduced) == item.facts)
    #expect(item.pod.reduced.json["spec"] == nil && item.pod.reduced.json.at("metadata", "annotations") == nil)
  }
}
