import JSON
import KubeClient
import KubeObjects
import KubeRuntime
import OdigosObjects
import Policy
import TestSupport

@testable import Instrumentor

/// A WorkloadReconciler with real informers and a real client, of an API server that is a script: the Deployment `web`
/// in `shop` with two pods, opted in by a label of the namespace, whose agents are decided and whose pods have none.
final class ReconcilerBench: Sendable {
  static let reference = WorkloadReference(namespace: "shop", kind: .deployment, name: "web")
  static let workloadPath = "/apis/apps/v1/namespaces/shop/deployments/web"
  static let podsPath = "/api/v1/namespaces/shop/pods"
  static let statusPath =
    "/apis/odigos.io/v1alpha1/namespaces/shop/instrumentationconfigs/deployment-web/status"
  static let eventsPath = "/api/v1/namespaces/shop/events"

  let client: KubeClient
  let reconciler: WorkloadReconciler
  private let server: ScriptedServer
  private let caches: InstrumentorCaches
  private let running: Task<Void, Never>

  /// - Parameters:
  ///   - script: what is answered instead of what `script(_:)` has.
  ///   - configuration: the effective configuration in YAML.
  ///   - patience: how long an answer may take.
  init(
    _ script: [String: JSONValue] = [:], configuration: String = "{}", patience: Duration = .seconds(60)
  ) async throws {
    server = try ScriptedServer()
    let whole = Self.script(configuration: configuration).merging(script) { $1 }
    var steps: JSONValue = [:]
    for (request, answers) in whole { steps[request] = answers }
    try server.play(String(decoding: steps.serialized(), as: UTF8.self))
    client = KubeClient(
      ClusterAccess(server: "http://127.0.0.1:\(server.port)", origin: "the test"), patience: patience)
    let caches = InstrumentorCaches(client: client, namespace: "odigos-system", logger: AdmissionSample.logger)
    let indexes = InstrumentorIndexes(caches: caches, namespace: "odigos-system")
    caches.pods.onChange { _ = indexes.podChanged($0, $1) }
    reconciler = WorkloadReconciler(
      client: client, caches: caches, indexes: indexes,
      agents: ClusterAgents(caches: caches, image: nil, logger: AdmissionSample.logger), namespace: "odigos-system",
      events: EventRecorder(client: client, component: "test", logger: AdmissionSample.logger),
      logger: AdmissionSample.logger, isWebhookServing: { true })
    self.caches = caches
    running = Task { await caches.run() }
    await caches.waitForSync()
  }

  /// Ends everything.
  func stop() async {
    running.cancel()
    client.shutdown()
    await running.value
  }

  /// One pass over `web`; the error in words, or "done" and when to look again.
  func pass() async -> String {
    do {
      switch try await reconciler.reconcile(Self.reference) {
      case .done: return "done"
      case .requeue(let delay): return "again after \(delay)"
      }
    } catch let error as KubeError {
      return error.status == 0 ? error.reason : "\(error.status)"
    } catch {
      return "\(error)"
    }
  }

  /// The requests about single objects so far, each "METHOD path" with its body.
  func requests() async throws -> [(line: String, body: JSONValue)] {
    let log = try await client.raw("/_log")["requests"]?.array ?? []
    return log.compactMap { entry in
      guard let method = entry["method"]?.string, let path = entry["path"]?.string else { return nil }
      let isInformers = method == "GET" && (!path.contains("/shop/") || entry.at("query", "watch") != nil)
      if isInformers { return nil }
      let body = (entry["body"]?.string).flatMap { try? JSONValue(parsing: Array($0.utf8)) }
      return ("\(method) \(path)", body ?? .null)
    }
  }

  func lines() async throws -> [String] { try await requests().map(\.line) }

  /// The last request of that line's body.
  func body(_ line: String) async throws -> JSONValue? { try await requests().last { $0.line == line }?.body }

  /// The condition of that type in the status that was applied last.
  func applied(_ condition: String) async throws -> JSONValue? {
    try await body("PATCH \(Self.statusPath)")?.at("status", "conditions")?.array?.first {
      $0["type"]?.string == condition
    }
  }

  // MARK: - The script

  static func answer(_ body: JSONValue, status: Int = 200, headers: JSONValue = [:]) -> JSONValue {
    ["status": .int(status), "body": body, "headers": headers]
  }

  static func failure(_ status: Int, _ reason: String, _ message: String = "", headers: JSONValue = [:]) -> JSONValue {
    let body: JSONValue = [
      "kind": "Status", "code": .int(status), "reason": .string(reason),
      "message": .string(message.isEmpty ? reason : message),
    ]
    return answer(body, status: status, headers: headers)
  }

  /// An answer that begins and never ends.
  static let endless: JSONValue = ["status": 200, "lines": ["{"], "then": "hold"]

  static func list(_ items: [JSONValue]) -> JSONValue {
    answer(["metadata": ["resourceVersion": "100"], "items": .array(items)])
  }

  static func workload(version: Int = 10) -> JSONValue {
    [
      "apiVersion": "apps/v1", "kind": "Deployment",
      "metadata": [
        "name": "web", "namespace": "shop", "uid": "u", "generation": 1, "resourceVersion": .string("\(version)"),
      ],
      "spec": [
        "replicas": 2, "selector": ["matchLabels": ["app": "web"]],
        "template": ["spec": ["containers": [["name": "app"]]]],
      ],
      "status": ["observedGeneration": 1, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2],
    ]
  }

  static func pod(_ name: String, hash: String = "") -> JSONValue {
    var pod: JSONValue = [
      "metadata": [
        "name": .string(name), "namespace": "shop", "resourceVersion": "5",
        "creationTimestamp": "2025-01-01T00:00:00Z", "labels": ["app": "web", "pod-template-hash": "5d4f8c7b9d"],
        "ownerReferences": [
          ["apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-5d4f8c7b9d", "uid": "r", "controller": true]
        ],
      ],
      "status": [
        "phase": "Running",
        "conditions": [["type": "Ready", "status": "True", "lastTransitionTime": "2025-01-01T00:01:00Z"]],
      ],
    ]
    if !hash.isEmpty { pod.set(["metadata", "labels", OdigosLabel.agentsMetaHash], .string(hash)) }
    return pod
  }

  /// The hash of what new pods get.
  static var hash: String { config.at("spec", "agentsMetaHash")?.string ?? "" }

  /// The InstrumentationConfig as the reconciler applied it a while ago.
  static var config: JSONValue {
    let detected: JSONValue = [
      ["containerName": "app", "language": "python", "runtimeVersion": "3.11.2", "secureExecutionMode": false]
    ]
    var known = InstrumentationConfig(name: "deployment-web", namespace: "shop")
    known.json.set(["status", "runtimeDetailsByContainer"], detected)
    let situation = WorkloadSituation(
      workload: WorkloadObject(reference, workload()),
      selection: Selection.decide(
        workload: reference, workloadLabels: [:], namespaceLabels: [OdigosLabel.instrumentation: "enabled"],
        sources: SourceIndex([]), ownNamespace: "odigos-system"),
      config: known, nodeCollector: .ready([.traces]), configuration: OdigosConfiguration(), pods: [],
      now: "2025-01-02T00:00:00Z")
    guard case .apply(let config) = WorkloadPlan.make(situation).config else { return known.json }
    var json = config.json
    json.set(["metadata", "resourceVersion"], "7")
    json.set(["status", "runtimeDetailsByContainer"], detected)
    return json
  }

  private static func script(configuration: String) -> [String: JSONValue] {
    let namespaced = "/namespaces/odigos-system/"
    let lists: [String: [JSONValue]] = [
      "/apis/odigos.io/v1alpha1/sources": [], "/apis/apps/v1/deployments": [workload()],
      "/apis/apps/v1/statefulsets": [], "/apis/apps/v1/daemonsets": [],
      "/api/v1/namespaces": [
        ["metadata": ["name": "shop", "resourceVersion": "1", "labels": ["odigos-instrumentation": "enabled"]]]
      ],
      "/apis/odigos.io/v1alpha1/instrumentationconfigs": [config],
      "/apis/odigos.io/v1alpha1\(namespaced)collectorsgroups": [
        [
          "metadata": ["name": "odigos-data-collection", "namespace": "odigos-system", "resourceVersion": "1"],
          "status": ["ready": true, "receiverSignals": ["TRACES"]],
        ]
      ],
      "/api/v1\(namespaced)configmaps": [
        [
          "metadata": ["name": "effective-config", "namespace": "odigos-system", "resourceVersion": "1"],
          "data": ["config.yaml": .string(configuration)],
        ]
      ],
      "/api/v1/nodes": [], "/api/v1\(namespaced)services": [],
      "/api/v1/pods": [pod("web-5d4f8c7b9d-a"), pod("web-5d4f8c7b9d-b")],
      "/apis/odigos.io/v1alpha1\(namespaced)instrumentationrules": [],
      "/apis/odigos.io/v1alpha1\(namespaced)actions": [],
    ]
    var script: [String: JSONValue] = [:]
    for (path, items) in lists {
      script["GET \(path)"] = [list(items)]
      script["WATCH \(path)"] = [["lines": [], "then": "hold"]]
    }
    script["GET \(workloadPath)"] = [answer(workload(version: 11))]
    script["GET \(podsPath)"] = [list([pod("web-5d4f8c7b9d-a"), pod("web-5d4f8c7b9d-b")])]
    script["PATCH \(workloadPath)"] = [answer(workload(version: 12))]
    script["PATCH \(statusPath)"] = [answer(config)]
    script["POST \(eventsPath)"] = [answer(["metadata": ["name": "e", "namespace": "shop"]], status: 201)]
    return script
  }
}
