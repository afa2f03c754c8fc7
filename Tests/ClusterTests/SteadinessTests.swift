import Foundation
import JSON
import Testing

/// What keeps one failure from becoming several, and a slow machine from becoming one; without a cluster.
@Suite struct SteadinessTests {
  private struct Trouble: Error, Equatable { var name: String }

  // MARK: - undoing

  @Test(arguments: [false, true], [false, true])
  func aChangeIsUndoneWhateverComesOfIt(changeFails: Bool, undoFails: Bool) async throws {
    var steps: [String] = []
    func run() async throws {
      try await undoing {
        steps.append("undo")
        if undoFails { throw Trouble(name: "undo") }
      } after: {
        steps.append("change")
        if changeFails { throw Trouble(name: "change") }
      }
    }
    var thrown: Trouble?
    func attempt() async {
      do { try await run() } catch { thrown = error as? Trouble }
    }
    if changeFails && undoFails {
      await withKnownIssue { await attempt() }
    } else {
      await attempt()
    }
    #expect(steps == ["change", "undo"])
    #expect(thrown?.name == (changeFails ? "change" : undoFails ? "undo" : nil))
  }

  @Test func aConditionThatThrowsDoesNotHoldYet() async throws {
    var looks = 0
    try await eventually("the third look") {
      looks += 1
      if looks == 1 { throw Trouble(name: "first") }
      return looks == 2 ? "second" : nil
    }
    #expect(looks == 3)
  }

  @Test func afterMuchWaitingInVainOneWaitsLess() {
    #expect(Patience.limit(.seconds(600), spent: .seconds(900)) == .seconds(600))
    #expect(Patience.limit(.seconds(600), spent: .seconds(1200)) == .seconds(90))
    #expect(Patience.limit(.seconds(30), spent: .seconds(1200)) == .seconds(30))
  }

  // MARK: - Unreachable

  @Test(arguments: [
    ("The connection to the server 10.240.0.2:6443 was refused - did you specify the right host or port?", true),
    ("dial tcp 10.240.0.2:6443: connect: connection refused", true),
    ("net/http: request canceled (Client.Timeout exceeded while awaiting headers)", true),
    ("net/http: TLS handshake timeout", true), ("Get \"https://10.240.0.2:6443/api\": EOF", true),
    ("cannot reach https://10.240.0.2:6443: connection refused", true),
    ("Error from server (NotFound): pods \"web\" not found", false),
    ("admission webhook \"source\" denied the request: Source first is for the same workload", false),
    ("error: the server doesn't have a resource type \"rollouts\"", false),
  ])
  func isToldFromAnswers(text: String, isUnreachable: Bool) {
    #expect(Unreachable.explains(text) == isUnreachable)
  }

  @Test func whoCannotBeReachedIsAskedAgainAndWhoAnswersIsNot() throws {
    var calls = 0
    let answer = try Unreachable.askedAgain {
      calls += 1
      if calls == 1 { throw Cluster.Failure(description: "kubectl get pods: connection refused") }
      return "pods"
    }
    #expect(answer == "pods" && calls == 2)
    #expect(throws: Cluster.Failure.self) {
      _ = try Unreachable.askedAgain {
        calls += 1
        throw Cluster.Failure(description: "kubectl get pods: Forbidden")
      }
    }
    #expect(calls == 3)
    #expect(throws: Cluster.Failure.self) {
      _ = try Unreachable.askedAgain(within: .zero) { throw Cluster.Failure(description: "connection refused") }
    }
  }

  @Test func aProgramThatDoesNotEndIsKilled() throws {
    #expect(throws: Cluster.Failure.self) {
      _ = try ChildProgram.run(["sleep", "1000"], input: nil, within: .milliseconds(50))
    }
    let outcome = try ChildProgram.run(["sh", "-c", "cat; echo no >&2; exit 3"], input: "yes")
    #expect(outcome.status == 3 && outcome.output == "yes" && outcome.errors == "no\n")
  }

  // MARK: - PodEnd

  private func pod(deleted: String? = nil, phase: String = "Running", states: [String]) -> JSONValue {
    var pod: JSONValue = [
      "metadata": ["name": "web"],
      "status": [
        "phase": .string(phase), "containerStatuses": .array(states.map { ["state": .object([$0: [:]])] }),
      ],
    ]
    if let deleted { pod.set(["metadata", "deletionTimestamp"], .string(deleted)) }
    return pod
  }

  @Test func aPodHasEndedWhenNothingOfItRuns() {
    let then = "2026-01-01T00:00:00Z"
    #expect(!PodEnd.hasCome(pod(states: ["running"])))
    #expect(!PodEnd.hasCome(pod(states: ["waiting"])), "it is to start")
    #expect(!PodEnd.hasCome(pod(states: ["terminated"])), "it is to start again")
    #expect(!PodEnd.hasCome(pod(deleted: then, states: ["running", "terminated"])))
    #expect(PodEnd.hasCome(pod(deleted: then, states: ["terminated", "terminated"])))
    #expect(PodEnd.hasCome(pod(deleted: then, phase: "Pending", states: [])))
    #expect(PodEnd.hasCome(pod(phase: "Failed", states: [])))
  }

  @Test func onlyWhatHasEndedAndIsNotLetGoOfForMinutesIsOverdue() throws {
    let then = "2026-01-01T00:00:00Z"
    let date = try #require(ISO8601DateFormatter().date(from: then))
    let (soon, late) = (date.addingTimeInterval(PodEnd.patience - 1), date.addingTimeInterval(PodEnd.patience + 1))
    #expect(PodEnd.isOverdue(pod(deleted: then, states: ["terminated"]), now: late))
    #expect(!PodEnd.isOverdue(pod(deleted: then, states: ["terminated"]), now: soon))
    #expect(!PodEnd.isOverdue(pod(deleted: then, states: ["running"]), now: late))
    #expect(!PodEnd.isOverdue(pod(states: ["terminated"]), now: late))
  }

  // MARK: - InstallationState

  private static func deployment(_ name: String, replicas: Int = 1) -> JSONValue {
    [
      "kind": "Deployment", "metadata": ["name": .string(name), "generation": 1], "spec": ["replicas": .int(replicas)],
      "status": [
        "observedGeneration": 1, "replicas": .int(replicas), "updatedReplicas": .int(replicas),
        "availableReplicas": .int(replicas),
      ],
    ]
  }

  private static let image = "localhost/odigos:dev"
  private static let agent: JSONValue = [
    "kind": "DaemonSet", "metadata": ["name": "odiglet", "generation": 2],
    "spec": [
      "template": [
        "spec": [
          "nodeSelector": ["kubernetes.io/os": "linux"], "initContainers": [["image": .string(image)]],
          "containers": [["image": .string(image)]],
        ]
      ]
    ],
    "status": [
      "observedGeneration": 2, "desiredNumberScheduled": 1, "currentNumberScheduled": 1, "updatedNumberScheduled": 1,
      "numberAvailable": 1,
    ],
  ]
  private static let objects: [JSONValue] = [
    deployment("odigos-autoscaler"), deployment("odigos-scheduler"), deployment("odigos-gateway"),
    deployment("odigos-instrumentor", replicas: 2), agent,
    ["kind": "ConfigMap", "metadata": ["name": "odigos-config"]],
    ["kind": "Service", "metadata": ["name": "odiglet-local"], "spec": ["internalTrafficPolicy": "Local"]],
    ["kind": "InstrumentationRule", "metadata": ["name": "of-a-profile"]],
  ]
  private static let node: JSONValue = [
    "metadata": ["name": "node1"],
    "status": [
      "conditions": [["type": "Ready", "status": "True"]], "allocatable": .object([InstallationState.device: "1000"]),
    ],
  ]

  private func state(_ index: Int? = nil, _ path: [String] = [], _ value: JSONValue? = nil) -> InstallationState {
    var objects = Self.objects
    if let index { objects[index].set(path, value) }
    return InstallationState(objects: objects, nodes: [Self.node], image: Self.image)
  }

  @Test func nothingIsLeftAndNothingIsMissingAfterInstalling() {
    #expect(state().leftovers.isEmpty)
    #expect(state().missing == nil)
  }

  @Test func whatTestsChangeIsFoundWhenTheyLeaveIt() {
    let template = ["spec", "template", "spec"]
    #expect(state(3, ["spec", "replicas"], 0).leftovers == [.scaledInstrumentor(0)])
    #expect(state(4, template + ["nodeSelector", InstallationState.nowhere], "true").leftovers == [.nodeAgentKeptAway])
    #expect(state(4, template + ["containers"], [["image": "other"]]).leftovers == [.nodeAgentImage("other")])
    #expect(
      state(5, ["metadata", "annotations"], .object([Setting.noteOfBefore: "configVersion: 1"])).leftovers
        == [.configuration])
    #expect(
      state(6, ["spec", "internalTrafficPolicy"], "Cluster").leftovers == [.trafficPolicy(service: "odiglet-local")])
    #expect(state(7, ["metadata", "name"], "e2e-opamp").leftovers == [.rule("e2e-opamp")])
    #expect(state(0, ["metadata", "name"], "other").leftovers == [.missingComponent("odigos-autoscaler")])
    var tainted = Self.node
    tainted["spec"] = ["taints": [["key": .string(InstallationState.startupTaint), "effect": "NoSchedule"]]]
    let strange: JSONValue = ["metadata": ["name": .string(InstallationState.strangeNode)]]
    #expect(
      InstallationState(objects: Self.objects, nodes: [tainted, strange], image: Self.image).leftovers
        == [.taint(node: "node1"), .node(InstallationState.strangeNode)])
  }

  @Test(arguments: [
    (0, "availableReplicas", 0, "odigos-autoscaler: 1 of 1 pods are up to date, 0 are available"),
    (3, "replicas", 3, "odigos-instrumentor: 3 pods instead of 2"),
    (3, "updatedReplicas", 1, "odigos-instrumentor: 1 of 2 pods are up to date, 2 are available"),
    (4, "desiredNumberScheduled", 0, "odiglet: no node has it"),
    (4, "observedGeneration", 1, "odiglet: its last change has not been seen"),
    (4, "numberAvailable", 0, "odiglet: 1 of 1 pods are up to date, 0 are available"),
  ])
  func whatIsNotReadyIsNamed(index: Int, field: String, value: Int, missing: String) {
    #expect(state(index, ["status", field], .int(value)).missing == missing)
  }

  @Test func aNodeThatIsNotReadyOrWithoutTheDeviceIsNamed() {
    var (lost, bare) = (Self.node, Self.node)
    lost.set(["status", "conditions"], [["type": "Ready", "status": "Unknown"]])
    bare.set(["status", "allocatable"], .object([InstallationState.device: "0"]))
    let first = InstallationState(objects: Self.objects, nodes: [lost], image: Self.image)
    #expect(first.missing == "node node1 is not ready" && first.hasLostNode)
    let second = InstallationState(objects: Self.objects, nodes: [bare], image: Self.image)
    #expect(second.missing == "node node1 has no device" && !second.hasLostNode)
  }
}
