import JSON
import KubeClient
import KubeObjects
import Policy
import TestSupport
import Testing

@testable import OdigosCLI

/// What `odigos uninstall` does about nodes, against an API server that is a script.
@Suite struct NodeCleanupTests {
  private static let pods = "/api/v1/namespaces/odigos-system/pods"
  private static let daemonSet = "/apis/apps/v1/namespaces/odigos-system/daemonsets/odiglet"
  private static let instrumentor = "/apis/apps/v1/namespaces/odigos-system/deployments/odigos-instrumentor"

  private let server: ScriptedServer
  private let client: KubeClient

  init() throws {
    server = try ScriptedServer()
    client = KubeClient(ClusterAccess(server: "http://127.0.0.1:\(server.port)", origin: "the test"))
  }

  private static func node(_ name: String, labels: JSONValue = [:], annotations: JSONValue = [:]) -> JSONValue {
    ["metadata": ["name": .string(name), "labels": labels, "annotations": annotations]]
  }

  private static let labelled = node("labelled", labels: [OdigosLabel.odigletInstalled: "true"])
  private static let annotated = node("annotated", annotations: [OdigosAnnotation.nodeAgents: "{}"])
  private static let foreign = node("foreign", labels: ["x": "y"])

  private static func pod(_ name: String, of component: String, on node: String, status: JSONValue) -> JSONValue {
    [
      "metadata": ["name": .string(name), "labels": ["app.kubernetes.io/name": .string(component)]],
      "spec": ["nodeName": .string(node)], "status": status,
    ]
  }
  private static func agent(on node: String, _ phase: String = "Running") -> JSONValue {
    pod("odiglet-\(node)", of: "odiglet", on: node, status: ["phase": .string(phase)])
  }
  private static func cleaner(_ index: Int, on node: String, _ status: JSONValue) -> JSONValue {
    pod("odigos-cleanup-\(index)", of: "odigos-cleanup", on: node, status: status)
  }

  /// A cluster with an odiglet whose DaemonSet goes when it is deleted. The pods are those of one list after the other;
  /// pods that are made get the names odigos-cleanup-0 and so on.
  private func play(nodes: [JSONValue], pods: [[JSONValue]], _ others: [String: JSONValue] = [:]) throws {
    func list(_ items: [JSONValue]) -> JSONValue {
      ["body": ["metadata": ["resourceVersion": "1"], "items": .array(items)], "select": true]
    }
    let template: JSONValue = ["template": ["spec": ["containers": [["image": "registry/odigos:1"]]]]]
    var script: JSONValue = [
      "GET /api/v1/nodes": [list(nodes)], "GET \(Self.pods)": .array(pods.map(list)),
      "GET \(Self.daemonSet)": [["body": ["metadata": ["name": "odiglet"], "spec": template]], ["status": 404]],
      "GET \(Self.instrumentor)": [["body": ["spec": template]]], "DELETE \(Self.daemonSet)": [["body": [:]]],
      "POST \(Self.pods)": .array(
        (0..<5).map { ["body": ["metadata": ["name": .string("odigos-cleanup-\($0)")]]] }),
    ]
    for name in nodes.compactMap({ $0.at("metadata", "name")?.string }) {
      script["PATCH /api/v1/nodes/\(name)"] = [["body": [:]]]
    }
    for (line, steps) in others { script[line] = steps }
    try server.play(String(decoding: script.serialized(), as: UTF8.self))
  }

  private func uninstall(stopLimit: Duration = .seconds(60), cleanLimit: Duration = .seconds(60)) async throws
    -> [NodeCleanup.Leftover]
  {
    var cleanup = NodeCleanup(client: client, namespace: "odigos-system", progress: Progress())
    cleanup.stopLimit = stopLimit
    cleanup.cleanLimit = cleanLimit
    return try await cleanup.clean(try await cleanup.stopAgents())
  }

  /// The requests so far: "METHOD path", the selector of labels, the body.
  private func requests() async throws -> [(line: String, selector: String, body: JSONValue)] {
    try await (client.raw("/_log")["requests"]?.array ?? []).map { entry in
      let body = (entry["body"]?.string).flatMap { try? JSONValue(parsing: Array($0.utf8)) }
      return (
        "\(entry["method"]?.string ?? "") \(entry["path"]?.string ?? "")",
        entry.at("query", "labelSelector")?.string ?? "", body ?? .null
      )
    }
  }
  private func cleanedNodes() async throws -> [String] {
    try await requests().filter { $0.line == "POST \(Self.pods)" }
      .compactMap { $0.body.at("spec", "nodeName")?.string }
  }

  @Test func cleansTheNodesThatHaveTheLabelOrTheAnnotationOrAnAgent() async throws {
    defer { client.shutdown() }
    let done = ["annotated", "labelled", "new"].enumerated().map { index, node in
      Self.cleaner(index, on: node, ["phase": "Succeeded"])
    }
    try play(
      nodes: [Self.labelled, Self.foreign, Self.annotated, Self.node("new")],
      pods: [[Self.agent(on: "new", "Pending"), Self.agent(on: "foreign", "Failed")], done])
    #expect(try await uninstall().isEmpty)
    #expect(try await cleanedNodes() == ["annotated", "labelled", "new"])
    let patches = try await requests().filter { $0.line.hasPrefix("PATCH") }
    let lines = ["annotated", "labelled", "new"].map { "PATCH /api/v1/nodes/\($0)" }
    #expect(patches.map(\.line) == lines + lines)
    #expect(
      patches.dropFirst(3).allSatisfy {
        $0.body.at("metadata", "labels", OdigosLabel.odigletInstalled) == .null
          && $0.body.at("metadata", "annotations", OdigosAnnotation.nodeAgents) == .null
          && $0.body.at("metadata", "annotations", NodeCleanup.pendingNote) == .null
      })
  }

  @Test func cleansNothingBeforeTheAgentsHaveStopped() async throws {
    defer { client.shutdown() }
    let agents = [Self.agent(on: "labelled")]
    try play(
      nodes: [Self.labelled], pods: [agents, agents, [Self.cleaner(0, on: "labelled", ["phase": "Succeeded"])]])
    #expect(try await uninstall().isEmpty)
    let lines = try await requests()
    let first = try #require(lines.firstIndex { $0.line == "POST \(Self.pods)" })
    let before = lines[..<first]
    #expect(before.count { $0.selector == "app.kubernetes.io/name=odiglet" } == 3)
    let deletion = try #require(before.firstIndex { $0.line == "DELETE \(Self.daemonSet)" })
    // Agents that leave take their marks with them, and the command may be interrupted.
    #expect(
      before[..<deletion].contains {
        $0.line == "PATCH /api/v1/nodes/labelled"
          && $0.body.at("metadata", "annotations", NodeCleanup.pendingNote)?.string == "true"
      })
    #expect(lines[deletion].body["propagationPolicy"]?.string == "Foreground")
    #expect(before[deletion...].contains { $0.line == "GET \(Self.daemonSet)" })
  }

  /// Its kubelet has not let go of it yet: the phase is still Running.
  @Test(arguments: [("terminated", true), ("running", false)])
  func cleansWhereAnAgentHasEndedThatItsKubeletStillKnows(state: String, isClean: Bool) async throws {
    defer { client.shutdown() }
    let states: JSONValue = [["state": .object([state: [:]])]]
    var agent = Self.pod(
      "odiglet-labelled", of: "odiglet", on: "labelled",
      status: [
        "phase": "Running", "initContainerStatuses": [["state": ["terminated": [:]]]], "containerStatuses": states,
      ])
    agent.set(["metadata", "deletionTimestamp"], "2026-01-01T00:00:00Z")
    try play(
      nodes: [Self.labelled], pods: [[agent], [agent, Self.cleaner(0, on: "labelled", ["phase": "Succeeded"])]])
    let leftovers = try await uninstall(stopLimit: .seconds(1), cleanLimit: .seconds(60))
    #expect(leftovers.map(\.reason) == (isClean ? [] : ["its node agent still runs"]))
  }

  @Test func namesTheNodesThatAreNotClean() async throws {
    defer { client.shutdown() }
    let names = ["a", "b", "c", "d", "e", "f"]
    let failed: JSONValue = [
      "phase": "Failed",
      "containerStatuses": [
        ["state": ["terminated": ["exitCode": 1, "reason": "Error", "message": "odiglet cleanup: FAILED: no\nroom\n"]]]
      ],
    ]
    let refused: JSONValue = [
      "status": 403, "body": ["kind": "Status", "code": 403, "reason": "Forbidden", "message": "no pods here"],
    ]
    let waiting: JSONValue = [
      "phase": "Pending", "containerStatuses": [["state": ["waiting": ["reason": "ImagePullBackOff"]]]],
    ]
    try play(
      nodes: names.map { Self.node($0, labels: [OdigosLabel.odigletInstalled: "true"]) },
      pods: [
        [Self.agent(on: "a")],
        [
          Self.agent(on: "a"), Self.cleaner(0, on: "b", failed), Self.cleaner(1, on: "c", ["phase": "Succeeded"]),
          Self.cleaner(2, on: "e", ["phase": "Failed", "reason": "Evicted"]), Self.cleaner(4, on: "f", waiting),
          // Of an earlier run.
          Self.cleaner(9, on: "d", ["phase": "Succeeded"]),
        ],
      ],
      [
        "POST \(Self.pods)": .array(
          (0..<2).map { ["body": ["metadata": ["name": .string("odigos-cleanup-\($0)")]]] } + [refused]
            + [2, 4].map { ["body": ["metadata": ["name": .string("odigos-cleanup-\($0)")]]] })
      ])
    let leftovers = try await uninstall(stopLimit: .zero, cleanLimit: .zero)
    #expect(try await cleanedNodes() == ["b", "c", "d", "e", "f"])
    #expect(leftovers.map(\.node) == ["a", "b", "d", "e", "f"])
    let text = try #require(NodeCleanup.failure(leftovers)).description
    #expect(text.contains("a: its node agent still runs"))
    #expect(text.contains("b: the pod that was to do it is Failed: odiglet cleanup: FAILED: no room\n"))
    #expect(text.contains("no pods here"))
    #expect(text.contains("e: the pod that was to do it is Failed: Evicted"))
    #expect(text.contains("f: the pod that was to do it is Pending: ImagePullBackOff"))
    // What is known of a node goes all the same.
    let unmarked = try await requests().filter {
      $0.line.hasPrefix("PATCH") && $0.body.at("metadata", "labels", OdigosLabel.odigletInstalled) == .null
    }
    #expect(unmarked.count == names.count)
  }

  @Test func namesTheNodeWhosePodWasDeleted() async throws {
    defer { client.shutdown() }
    try play(nodes: [Self.labelled], pods: [[]])
    #expect(
      try await uninstall() == [
        NodeCleanup.Leftover(node: "labelled", reason: "the pod that was to do it was deleted")
      ])
  }

  @Test func cleansAfterARunThatWasInterrupted() async throws {
    defer { client.shutdown() }
    let node = Self.node("left", annotations: [NodeCleanup.pendingNote: "true"])
    let done = [Self.cleaner(0, on: "left", ["phase": "Succeeded"])]
    try play(nodes: [node, Self.foreign], pods: [done], ["GET \(Self.daemonSet)": [["status": 404]]])
    #expect(try await uninstall().isEmpty)
    #expect(try await cleanedNodes() == ["left"])
    let pod = try #require(try await requests().first { $0.line == "POST \(Self.pods)" })
    #expect(pod.body.at("spec", "containers")?[0]?["image"]?.string == "registry/odigos:1")
  }

  @Test func saysSoWhereNoImageIsLeft() async throws {
    defer { client.shutdown() }
    try play(
      nodes: [Self.labelled, Self.foreign], pods: [[]],
      ["GET \(Self.daemonSet)": [["status": 404]], "GET \(Self.instrumentor)": [["status": 404]]])
    let leftovers = try await uninstall()
    #expect(leftovers.map(\.node) == ["labelled"])
    #expect(leftovers.first?.reason.contains("image") == true)
    #expect(NodeCleanup.failure([]) == nil)
  }
}
