import Concurrency
import JSON
import KubeClient
import KubeObjects
import Policy
import TestSupport
import Testing

@testable import Instrumentor

/// Kinds that another server may have to answer for keep nobody waiting while that one is away.
@Suite struct WorkloadDiscoveryTests {
  private static let api = "/apis/apps.openshift.io/v1"
  private static let nothing = ReconcilerBench.failure(404, "NotFound")
  private static let kind = ReconcilerBench.answer(["resources": [["name": "deploymentconfigs"]]])
  private static let web = ObjectKey(namespace: "shop", name: "web")

  /// A cluster with the Jobs of batch/v1 and a DeploymentConfig, as far as these answers show it.
  private static func play(on server: ScriptedServer, kind: JSONValue, list: [JSONValue] = []) throws {
    let objects: [JSONValue] = [
      ["metadata": ["name": "web", "namespace": "shop", "resourceVersion": "3"], "spec": ["replicas": 1]]
    ]
    let script: JSONValue = [
      "GET \(api)": [kind], "GET /apis/argoproj.io/v1alpha1": [nothing],
      "GET /apis/batch/v1": [ReconcilerBench.answer(["resources": [["name": "jobs"], ["name": "cronjobs"]]])],
      "GET \(api)/deploymentconfigs": .array(list + [ReconcilerBench.list(objects)]),
      "WATCH \(api)/deploymentconfigs": [["lines": [], "then": "hold"]],
    ]
    try server.play(String(decoding: script.serialized(), as: UTF8.self))
  }

  private static func client(of server: ScriptedServer) -> KubeClient {
    KubeClient(ClusterAccess(server: "http://127.0.0.1:\(server.port)", origin: "the test"))
  }

  static let failures: [JSONValue] = [
    ReconcilerBench.failure(503, "ServiceUnavailable"), ReconcilerBench.failure(500, "InternalError"),
    ReconcilerBench.failure(403, "Forbidden"),
    ReconcilerBench.failure(503, "ServiceUnavailable", headers: ["Retry-After": "10"]), ReconcilerBench.endless,
  ]

  @Test(arguments: failures) func anApiThatIsAwayKeepsNobodyWaiting(_ failure: JSONValue) async throws {
    let server = try ScriptedServer()
    try Self.play(on: server, kind: failure)
    let client = Self.client(of: server)
    let discovery = WorkloadDiscovery(
      client: client, logger: AdmissionSample.logger, period: .milliseconds(20), patience: .seconds(1))
    let found = try await discovery.informers()
    #expect(found.map(\.kind) == [.cronJob, .job, .rollout, .deploymentConfig])
    let informer = try #require(found.last)
    let seen = Locked<[ObjectKey]>([])
    informer.onChange { key in seen.withLock { $0.append(key) } }
    let task = Task { await informer.run() }
    await informer.waitForSync()
    #expect(informer.keys().isEmpty)
    try Self.play(on: server, kind: Self.kind)
    try await eventually("the kind is watched once its API answers") { seen.withLock { $0 } == [Self.web] }
    task.cancel()
    client.shutdown()
    await task.value
  }

  /// The kind is known and its objects cannot be read, as when the webhook that converts them is away.
  @Test func aListThatDoesNotComeIsNotWaitedForForever() async throws {
    let server = try ScriptedServer()
    let away = ReconcilerBench.failure(500, "InternalError")
    try Self.play(on: server, kind: Self.kind, list: [away, ReconcilerBench.endless])
    let client = Self.client(of: server)
    let discovery = WorkloadDiscovery(client: client, logger: AdmissionSample.logger, patience: .seconds(1))
    let informer = try #require(try await discovery.informers().last)
    let task = Task { await informer.run() }
    await informer.waitForSync()
    #expect(informer.keys().isEmpty)
    task.cancel()
    client.shutdown()
    await task.value
  }

  /// Without an answer about Kubernetes' own kinds nothing begins.
  @Test func kindsOfKubernetesAreAskedForUntilThereIsAnAnswer() async throws {
    let server = try ScriptedServer()
    let away = ReconcilerBench.failure(500, "InternalError")
    let script: JSONValue = [
      "GET \(Self.api)": [Self.nothing], "GET /apis/argoproj.io/v1alpha1": [Self.nothing],
      "GET /apis/batch/v1": [away, ReconcilerBench.answer(["resources": [["name": "jobs"], ["name": "cronjobs"]]])],
    ]
    try server.play(String(decoding: script.serialized(), as: UTF8.self))
    let client = Self.client(of: server)
    defer { client.shutdown() }
    let found = try await WorkloadDiscovery(client: client, logger: AdmissionSample.logger).informers()
    #expect(found.map(\.kind) == [.cronJob, .job, .rollout, .deploymentConfig])
  }
}
