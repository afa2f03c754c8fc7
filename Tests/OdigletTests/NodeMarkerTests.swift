import JSON
import KubeClient
import KubeObjects
import KubeRuntime
import KubeletPlugin
import Logging
import Policy
import ServiceShell
import TestSupport
import Testing

@testable import Odiglet

/// What an odiglet writes on its node, against an API server that is a script.
@Suite struct NodeMarkerTests {
  private static let node = "/api/v1/nodes/n"
  private static let daemonSet = "/apis/apps/v1/namespaces/odigos-system/daemonsets/odiglet"

  private let scratch: TemporaryDirectory
  private let server: ScriptedServer
  private let client: KubeClient
  private let marker: NodeMarker
  private var inventory: NodeInventory { marker.inventory }

  init() throws {
    scratch = try TemporaryDirectory()
    server = try ScriptedServer()
    client = KubeClient(ClusterAccess(server: "http://127.0.0.1:\(server.port)", origin: "the test"))
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    marker = NodeMarker(
      nodeName: "n", namespace: "odigos-system", client: client, logger: logger,
      readiness: Readiness(health: HealthState(), status: ServingStatus()),
      inventory: NodeInventory(directory: "\(scratch.path)/host"),
      nodes: NodeMarker.informer("n", client, logger))
    try scratch.write("image/python/agent.py", "x")
    try AgentInstallation(source: "\(scratch.path)/image", destination: "\(scratch.path)/host", report: { _ in })
      .install()
  }

  /// The node's object with these members of its metadata.
  private func object(_ version: Int, _ metadata: JSONValue = [:]) -> JSONValue {
    var object: JSONValue = [
      "kind": "Node", "metadata": ["name": "n", "uid": "u", "resourceVersion": .string("\(version)")],
    ]
    for (name, value) in metadata.object ?? [:] { object.set(["metadata", name], value) }
    return object
  }

  /// The node as it is listed first, what is said of it later, and what the server answers to other requests.
  private func play(_ listed: JSONValue, events: [JSONValue] = [], _ others: [String: JSONValue] = [:]) throws {
    var script: JSONValue = [
      "GET /api/v1/nodes": [["body": ["metadata": ["resourceVersion": "1"], "items": [listed]]]],
      "WATCH /api/v1/nodes": [
        ["lines": .array(events.map { ["type": "MODIFIED", "object": $0] }), "then": "hold"]
      ],
      "PATCH \(Self.node)": [["body": object(1)]],
    ]
    for (line, steps) in others { script[line] = steps }
    try server.play(String(decoding: script.serialized(), as: UTF8.self))
  }

  private func patches() async throws -> [JSONValue] {
    let log = try await client.raw("/_log")["requests"]?.array ?? []
    return try log.filter { $0["method"]?.string == "PATCH" }
      .map { try JSONValue(parsing: Array(($0["body"]?.string ?? "").utf8)) }
  }

  private func annotation(_ object: JSONValue) -> String? {
    object.at("metadata", "annotations", OdigosAnnotation.nodeAgents)?.string
  }

  /// Runs marker and informer beside `body`.
  private func withMarker(_ body: () async throws -> Void) async throws {
    let tasks = [Task { await marker.nodes.run() }, Task { await marker.run() }]
    defer { client.shutdown() }
    do { try await body() } catch { Issue.record(error) }
    for task in tasks { task.cancel() }
    for task in tasks { await task.value }
  }

  @Test func saysWhichAgentsTheNodeHasAndTriesAgainUntilItSucceeds() async throws {
    try play(object(1), ["PATCH \(Self.node)": [["status": 503], ["body": object(2)]]])
    try await withMarker {
      try await eventually("two patches") { try await patches().count >= 2 }
      let written = try await patches().map(annotation)
      #expect(AgentInventoryReport(parsing: try #require(written[1])) == inventory.report())
      #expect(written[0] == written[1])
    }
  }

  @Test func saysItAgainWhenItWasTakenOff() async throws {
    let text = String(decoding: try #require(inventory.report()).json.serialized(), as: UTF8.self)
    let annotations: JSONValue = ["annotations": [OdigosAnnotation.nodeAgents: .string(text)]]
    // As it should be; without the annotation; made anew, with another uid.
    try play(object(1, annotations), events: [object(2, annotations), object(3), object(4, ["uid": "v"])])
    try await withMarker {
      // As long as the node does not have it: also if the first is lost.
      try await eventually("two patches") { try await patches().count >= 2 }
      #expect(try await patches().map(annotation).allSatisfy { $0 == text })
    }
  }

  @Test(
    arguments: [
      ("its DaemonSet is gone", nil),
      ("its DaemonSet goes", ["metadata": ["deletionTimestamp": "2026-01-01T00:00:00Z"]]),
      (
        "it is no longer selected",
        ["metadata": ["name": "odiglet"], "spec": ["template": ["spec": ["nodeSelector": ["pool": "b"]]]]]
      ),
    ] as [(String, JSONValue?)])
  func takesItsMarksOffWhenItLeavesForGood(_ reason: String, _ daemonSet: JSONValue?) async throws {
    let marked = object(
      1, ["labels": [OdigosLabel.odigletInstalled: "true"], "annotations": [OdigosAnnotation.nodeAgents: "{}"]])
    try play(marked, daemonSet.map { ["GET \(Self.daemonSet)": [["body": $0]]] } ?? [:])
    let informer = Task { await marker.nodes.run() }
    defer { client.shutdown() }
    await marker.nodes.waitForSync()
    informer.cancel()
    await informer.value
    await marker.leave()
    #expect(
      try await patches() == [
        [
          "metadata": [
            "labels": [OdigosLabel.odigletInstalled: .null], "annotations": [OdigosAnnotation.nodeAgents: .null],
          ]
        ]
      ])
  }

  @Test func keepsItsMarksOverARestart() async throws {
    try play(object(1), ["GET \(Self.daemonSet)": [["body": ["metadata": ["name": "odiglet"]]]]])
    defer { client.shutdown() }
    await marker.leave()
    #expect(try await patches().isEmpty)
  }
}
