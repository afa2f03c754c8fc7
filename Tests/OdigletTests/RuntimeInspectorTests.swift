import EventLoop
import Glibc
import HTTPTransport
import JSON
import KubeClient
import KubeObjects
import KubeRuntime
import Logging
import OdigosObjects
import ProcessInspection
import TestSupport
import Testing

@testable import Odiglet
@testable import Policy

/// The inspector with an API server that plays a script and a process file system of the test's own.
@Suite struct RuntimeInspectorTests {
  private static let configPath = "/apis/odigos.io/v1alpha1/instrumentationconfigs"
  private static let statusPath =
    "/apis/odigos.io/v1alpha1/namespaces/shop/instrumentationconfigs/statefulset-web/status"

  private let node: NodeFixture
  private let server: ScriptedServer
  private let client: KubeClient

  init() throws {
    node = try NodeFixture()
    server = try ScriptedServer()
    client = KubeClient(ClusterAccess(server: "http://127.0.0.1:\(server.port)", origin: "the test"))
  }

  private static func pod(isRunning: Bool) -> JSONValue {
    var json = NodeFixture.pod("web-1", uid: NodeFixture.podUID, containers: ["app": NodeFixture.containerID]).json
    json["apiVersion"] = "v1"
    json["kind"] = "Pod"
    json.set(["metadata", "creationTimestamp"], "2026-01-01T00:00:00Z")
    json.set(["metadata", "resourceVersion"], isRunning ? "5" : "6")
    if !isRunning, var status = json.at("status", "containerStatuses")?[0] {
      status["state"] = ["terminated": ["exitCode": 0]]
      json.set(["status", "containerStatuses"], .array([status]))
    }
    return json
  }

  /// Plays the server: the pod runs until `end` is a change of it, or its removal.
  private func play(end: (type: String, pod: JSONValue)?) throws {
    let config: JSONValue = [
      "apiVersion": "odigos.io/v1alpha1", "kind": "InstrumentationConfig",
      "metadata": ["name": "statefulset-web", "namespace": "shop", "resourceVersion": "3"],
    ]
    let version: JSONValue = ["resourceVersion": "5"]
    let event: JSONValue? = end.map { ["type": .string($0.type), "object": $0.pod] }
    let hold: JSONValue = ["lines": [], "then": "hold"]
    let watch: JSONValue = event.map { ["lines": [$0], "then": "hold"] } ?? ["lines": []]
    let script: JSONValue = [
      "GET \(Self.configPath)": [["body": ["metadata": version, "items": [config]]]],
      "WATCH \(Self.configPath)": [hold],
      "GET /api/v1/pods": [["body": ["metadata": version, "items": [Self.pod(isRunning: true)]]]],
      "WATCH /api/v1/pods": [watch], "PATCH \(Self.statusPath)": [["body": config]],
    ]
    try server.play(String(decoding: script.serialized(), as: UTF8.self))
  }

  /// A Job's container may be gone before it is decided whether what it shows is a script at the start.
  @Test(arguments: [true, false]) func aContainerThatEndsAtOnceWasWhatItShowed(isDeleted: Bool) async throws {
    try node.addProcess(100, in: NodeFixture.containerID, start: 4711)
    symlink("/usr/bin/python3.11", "\(node.path)/proc/100/exe")
    try node.directory.write("proc/uptime", "48.00 40.00\n")
    try play(end: nil)
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    let loop = try EventLoop(name: "inspector-test")
    let configs = Informer<InstrumentationConfig>(client: client, logger: logger, keep: RuntimeInspector.trimmed)
    let pods = Informer<Pod>(client: client, logger: logger, keep: NodePod.trimmed)
    let inspector = RuntimeInspector(
      configs: configs, pods: pods, client: client, tree: node.tree,
      runtime: ContainerRuntimeClient(sockets: ["/nonexistent.sock"], loop: loop), loop: loop, logger: logger)
    let controller = inspector.controller()
    let work = Task {
      await withTaskGroup(of: Void.self) { group in
        group.addTask { await configs.run() }
        group.addTask { await pods.run() }
        group.addTask { await controller.run() }
      }
    }
    try await eventually("the container is looked at") { inspector.untold.count == 1 }
    node.removeProcess(100)
    try play(end: (isDeleted ? "DELETED" : "MODIFIED", Self.pod(isRunning: isDeleted)))
    func reports() async throws -> [JSONValue] {
      let requests = try await client.raw("/_log")["requests"]?.array ?? []
      return try requests.filter { $0["method"] == "PATCH" }.map { try JSONValue(parsing: $0["body"]?.string ?? "") }
    }
    try await eventually("it is reported") { try await !reports().isEmpty }
    let details = try await reports().first?.at("status", "runtimeDetailsByContainer")?[0]
    #expect(details?["language"] == "python")
    #expect(details?["evidence"]?.array?.contains { $0.string?.hasPrefix("standing started") == true } == true)
    try await eventually("it is told once") { inspector.untold.count == 0 }
    work.cancel()
    await work.value
    client.shutdown()
    loop.shutdown()
  }

  /// The pod of a new image is injected already when it is looked at; those after it must not lose what the image sets.
  @Test func theVariablesOfANewImageAreKeptBesideOurs() async throws {
    let loop = try EventLoop(name: "inspector-test")
    let path = "\(node.path)/cri.sock"
    let methods: [String: GRPCMethod] = [
      "/runtime.v1.RuntimeService/ContainerStatus": .unary { (_: [UInt8]) async throws(GRPCStatus) -> [UInt8] in
        // image_ref, in status.
        [0x0A, 3, 0x4A, 1, 0x69]
      },
      "/runtime.v1.ImageService/ImageStatus": .unary { (_: [UInt8]) async throws(GRPCStatus) -> [UInt8] in
        let value = Array(#"{"imageSpec":{"config":{"Env":["PYTHONPATH=/img"]}}}"#.utf8)
        let entry = [0x0A, 4] + Array("info".utf8) + [0x12, UInt8(value.count)] + value
        return [0x12, UInt8(entry.count)] + entry
      },
    ]
    let runtime = try HTTPServer(
      configuration: HTTPServerConfiguration(address: .unix(path: path)), loop: loop,
      handler: .inline { _ in HTTPResponse(status: 404) }, grpc: methods)
    let client = ContainerRuntimeClient(sockets: [path], loop: loop)
    var inspection = ContainerInspection()
    inspection.runtimes = [DetectedRuntime(language: .python, version: "3.11", standing: .running, evidence: [])]
    // Ours is taken out.
    inspection.environment = [.pythonPath: "/img"]
    var recorded: [RuntimeDetails] = []
    for (image, day) in [("sha256:old", 1), ("sha256:new", 2)] {
      let variables = try await client.imageVariables(containerID: "c", image: image, manifestNames: ["PYTHONPATH"])
      let container = ContainerObservation(
        name: "app", image: image, containerID: "c\(day)", inspection: inspection, imageVariables: .success(variables))
      recorded = RuntimeReport.joined(
        recorded,
        [PodObservation(created: "2026-01-0\(day)T00:00:00Z", containerNames: ["app"], containers: [container])])
    }
    client.close()
    await runtime.shutdown(grace: .zero)
    loop.shutdown()
    let details = try #require(recorded.first.flatMap { RuntimeFacts(json: $0.json) })
    #expect(recorded.first?.image == "sha256:new")
    let variable = Policy.AppendedVariable(
      Distribution.AppendedVariable(name: "PYTHONPATH", value: "/var/odigos/python", separator: ":"), parameters: [:],
      details: details)
    let entry = try #require(variable.entry)
    #expect(
      try JSONValue(parsing: String(decoding: entry, as: UTF8.self))
        == ["name": "PYTHONPATH", "value": "/img:/var/odigos/python"])
    #expect(!variable.mayComeFromSources)
  }
}
