import Concurrency
import JSON
import KubeClient
import KubeObjects
import OdigosObjects
import Policy
import TestSupport
import Testing

@testable import Instrumentor

/// What admission knows follows what the cluster says.
@Suite struct AdmissionFeedTests {
  private static let namespace = "odigos-system"
  private static let service = ObjectKey(namespace: namespace, name: OdigosName.dataCollectionLocalTraffic)

  private static func service(address: String) -> JSONValue {
    [
      "metadata": ["name": .string(service.name), "namespace": .string(namespace)],
      "spec": ["clusterIP": .string(address), "ports": [["port": 4318]]],
    ]
  }

  /// A cluster with a workload that is opted in.
  private static func cluster() throws -> FakeCluster {
    let cluster = try FakeCluster()
    cluster.set(InstrumentationConfig.type, AdmissionSample.config.key, AdmissionSample.config.json)
    cluster.set(
      ConfigMap.type, ObjectKey(namespace: namespace, name: OdigosName.effectiveConfiguration),
      [
        "metadata": ["name": .string(OdigosName.effectiveConfiguration), "namespace": .string(namespace)],
        "data": ["config.yaml": "mountMethod: k8s-virtual-device\n"],
      ])
    return cluster
  }

  /// A feed that has caught up with a cluster, and follows it.
  private struct Bench {
    let cluster: FakeCluster
    let caches: InstrumentorCaches
    let feed: AdmissionFeed
    private let task: Task<Void, Never>

    init(_ cluster: FakeCluster) async {
      let logger = AdmissionSample.logger
      let caches = InstrumentorCaches(client: cluster.client, namespace: namespace, logger: logger)
      (self.cluster, self.caches) = (cluster, caches)
      feed = AdmissionFeed(
        caches: caches, agents: ClusterAgents(caches: caches, image: nil, logger: logger), namespace: namespace,
        endpoint: .localTrafficService, minorVersion: 30, agentsImage: "registry/i:1", logger: logger)
      task = Task { await caches.run() }
      await feed.waitForSync()
    }

    func stop() async {
      task.cancel()
      await task.value
      await cluster.stop()
    }
  }

  /// The verdict on a pod with the host's network, and where its agent is led.
  private static func answer(_ table: AdmissionTable) throws -> (code: ReasonCode?, endpoint: String?) {
    let workload = WorkloadReference(namespace: "shop", kind: .deployment, name: "web")
    guard case .inject(let facts) = table.entry(workload) else { return (nil, nil) }
    var pod = AdmissionSample.pod()
    pod.set(["spec", "hostNetwork"], true)
    let view = try JSONDocument(parsing: pod.serialized()).root
    let owner = try #require(WorkloadOwner(pod: view, namespace: "shop"))
    let plan = Injection.plan(pod: view, owner: owner, facts: facts)
    guard !plan.isEmpty else { return (plan.reason.code, nil) }
    let result = try JSONPatch(json: JSONValue(parsing: plan.patch())).applied(to: pod)
    let variables = result.at("spec", "containers")?[0]?["env"]?.array
    return (plan.reason.code, variables?.first { $0["name"] == "OTEL_EXPORTER_OTLP_ENDPOINT" }?["value"]?.string)
  }

  @Test func addressesOfServicesAreThoseOfNow() async throws {
    let bench = try await Bench(Self.cluster())
    let (cluster, feed) = (bench.cluster, bench.feed)
    func wait(_ code: ReasonCode, _ endpoint: String?) async throws {
      try await eventually("\(code) at \(endpoint ?? "nowhere")") {
        try Self.answer(feed.table) == (code, endpoint)
      }
    }
    try await wait(.collectorAddressUnknown, nil)
    for address in ["10.0.0.7", "10.0.0.8"] {
      cluster.set(Service.type, Self.service, Self.service(address: address))
      try await wait(.injected, "http://\(address):4318")
    }
    #expect(bench.caches.services.all.allSatisfy { $0.json.at("spec", "ports") == nil })
    cluster.set(Service.type, Self.service, nil)
    try await wait(.collectorAddressUnknown, nil)
    await bench.stop()
  }

  /// A node agent that is changed to run without the device, or with it again.
  @Test func theDeviceIsThatOfTheNodeAgentsOfNow() async throws {
    let bench = try await Bench(Self.cluster())
    let (cluster, feed) = (bench.cluster, bench.feed)
    let key = ObjectKey(namespace: Self.namespace, name: OdigosName.odiglet)
    for (features, method) in [
      ("device-plugin", MountMethod.virtualDevice), ("none", .initContainer), ("device-plugin", .virtualDevice),
    ] {
      cluster.set(DaemonSet.type, key, ClusterMountsTests.nodeAgents(ready: 1, features))
      try await eventually("\(method) with \(features)") {
        let workload = WorkloadReference(namespace: "shop", kind: .deployment, name: "web")
        guard case .inject(let facts) = feed.table.entry(workload) else { return false }
        return facts.mountMethod == method
      }
    }
    await bench.stop()
  }

  private static func settings(address: String?) -> InjectionSettings {
    var settings = InjectionSettings(
      ownNamespace: namespace, endpoint: .localTrafficService, signals: [.traces, .metrics, .logs])
    settings.serviceAddresses.collector = address
    return settings
  }

  /// A change whose settings are made slowly, of what was there before another change that is over meanwhile.
  @Test(arguments: ["10.0.0.7", nil]) func settingsOfAnOlderMomentAreDropped(_ newer: String?) throws {
    let table = AdmissionSample.table(settings: nil)
    table.change {
      let before = Self.settings(address: "10.0.0.6")
      table.change { Self.settings(address: newer) }
      return before
    }
    #expect(try Self.answer(table).endpoint == newer.map { "http://\($0):4318" })
    // And the next one counts again.
    table.change { Self.settings(address: "10.0.0.8") }
    #expect(try Self.answer(table).endpoint == "http://10.0.0.8:4318")
  }

  /// The caches of several kinds change at the same time, as they do at the start.
  @Test func theSettingsAreThoseOfTheLastChange() async throws {
    let table = AdmissionSample.table(settings: nil)
    let changes = Locked(0)
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<4 {
        group.addTask {
          for _ in 0..<100 {
            changes.withLock { $0 += 1 }
            table.change { Self.settings(address: "host-\(changes.withLock { $0 })") }
          }
        }
      }
    }
    #expect(try Self.answer(table).endpoint == "http://host-400:4318")
  }
}
