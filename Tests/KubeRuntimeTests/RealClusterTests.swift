import Concurrency
import Glibc
import JSON
import KubeClient
import KubeObjects
import KubeRuntime
import Logging
import TestSupport
import Testing

private let isGiven = getenv("ODIGOS_E2E").map { String(cString: $0) } == "1"

/// The real API server of the kubeconfig that `hack/cluster run` sets:
///
///     hack/cluster run env ODIGOS_E2E=1 swift test --filter RealClusterTests
@Suite(.serialized, .enabled(if: isGiven, "needs a cluster: ODIGOS_E2E=1 under `hack/cluster run`"))
struct RealClusterTests {
  private let client: KubeClient
  private let namespace: String
  private let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

  init() async throws {
    client = try KubeClient.connect()
    namespace = "kube-runtime-\(UInt32.random(in: 0 ... .max))"
    _ = try await client.create(Namespace.type, Namespace(name: namespace).json)
  }

  /// Runs a test and removes its namespace.
  private func within(_ body: () async throws -> Void) async throws {
    do { try await body() } catch {
      try await client.delete(Namespace.self, ObjectKey(name: namespace))
      throw error
    }
    try await client.delete(Namespace.self, ObjectKey(name: namespace))
  }

  private func map(_ name: String, _ data: [(String, String)] = []) -> ConfigMap {
    var map = ConfigMap(name: name, namespace: namespace)
    var object = JSONObject()
    for (key, value) in data { object[key] = .string(value) }
    map.json["data"] = .object(object)
    return map
  }

  @Test func knowsTheServer() async throws {
    try await within {
      let version = try await client.serverVersion()
      #expect(version.gitVersion.hasPrefix("v\(version.major).\(version.minor)"))
      #expect(try await client.raw("/apis/apps/v1")["kind"] == "APIResourceList")
    }
  }

  @Test func createsReadsChangesAndDeletes() async throws {
    try await within {
      let key = ObjectKey(namespace: namespace, name: "a")
      #expect(try await client.get(ConfigMap.self, key) == nil)
      let made = try await client.create(ConfigMap.type, map("a", [("x", "1")]).json)
      let again = await #expect(throws: KubeError.self) { try await client.create(ConfigMap.type, map("a").json) }
      #expect(again?.reason == "AlreadyExists")
      var changed = made
      changed.set(["data", "x"], "2")
      _ = try await client.update(ConfigMap.type, changed)
      let stale = await #expect(throws: KubeError.self) { try await client.update(ConfigMap.type, changed) }
      #expect(stale?.isConflict == true && stale?.reason == "Conflict")
      _ = try await client.patch(ConfigMap.type, key, .merge, ["data": ["y": "3"]])
      _ = try await client.patch(
        ConfigMap.type, key, .json, [["op": "add", "path": "/data/z", "value": "4"]])
      #expect(try await client.get(ConfigMap.self, key)?.json["data"] == ["x": "2", "y": "3", "z": "4"])
      try await client.delete(ConfigMap.self, key)
      try await client.delete(ConfigMap.self, key)
      #expect(try await client.get(ConfigMap.self, key) == nil)
    }
  }

  @Test func invalidObjectsAreRefusedWithTheField() async throws {
    try await within {
      let error = await #expect(throws: KubeError.self) {
        try await client.create(ConfigMap.type, ConfigMap(name: "No Good", namespace: namespace).json)
      }
      #expect(error?.status == 422)
      #expect(error?.message.contains("metadata.name") == true)
      let unknown = ResourceType(group: "none.example", version: "v1", kind: "None", plural: "nones")
      let missing = await #expect(throws: KubeError.self) { try await client.list(unknown, namespace: nil) }
      #expect(missing?.isNotFound == true)
      #expect(missing?.message.contains("/apis/none.example/v1/nones") == true)
    }
  }

  @Test func appliesOwnedFieldsOnly() async throws {
    try await within {
      let key = ObjectKey(namespace: namespace, name: "a")
      try await client.apply(map("a", [("ours", "1")]), fieldManager: "us")
      try await client.apply(map("a", [("theirs", "1")]), fieldManager: "them")
      let both = try await client.apply(map("a", [("ours", "2")]), fieldManager: "us")
      #expect(both.json["data"] == ["ours": "2", "theirs": "1"])
      // What comes from the server can be applied again as it is.
      try await client.apply(map("a"), fieldManager: "us")
      #expect(try await client.get(ConfigMap.self, key)?.json["data"] == ["theirs": "1"])
    }
  }

  @Test func writesTheStatusAlone() async throws {
    try await within {
      var deployment = Deployment(name: "d", namespace: namespace)
      deployment.json["spec"] = [
        "replicas": 0, "selector": ["matchLabels": ["a": "b"]],
        "template": [
          "metadata": ["labels": ["a": "b"]], "spec": ["containers": [["name": "c", "image": "none.invalid/x"]]],
        ],
      ]
      try await client.apply(deployment, fieldManager: "us")
      let status: JSONValue = [
        "status": ["conditions": [["type": "Test", "status": "True", "reason": "R", "message": "m"]]]
      ]
      let patched = try await client.patch(Deployment.type, deployment.key, .merge, status, subresource: .status)
      #expect(patched.at("status", "conditions")?.array?.contains { $0["type"] == "Test" } == true)
    }
  }

  @Test func listsInPages() async throws {
    try await within {
      for index in 0..<7 { _ = try await client.create(ConfigMap.type, map("m\(index)").json) }
      var options = ListOptions()
      options.limit = 3
      let list = try await client.list(ConfigMap.type, namespace: namespace, options)
      let names = list.items.map { ConfigMap(json: $0).name }.filter { $0.hasPrefix("m") }
      #expect(names == (0..<7).map { "m\($0)" })
      #expect(!list.resourceVersion.isEmpty)
    }
  }

  @Test func anInformerFollows() async throws {
    try await within {
      _ = try await client.create(ConfigMap.type, map("first", [("x", "1")]).json)
      let changes = Locked<[String]>([])
      let informer = Informer<ConfigMap>(
        client: client, namespace: namespace, options: ListOptions(fieldSelector: "metadata.name!=kube-root-ca.crt"),
        logger: logger)
      informer.onChange { old, new in
        let word = old == nil ? "added" : new == nil ? "deleted" : "changed"
        changes.withLock { $0.append("\(word) \((new ?? old)?.name ?? "")") }
      }
      let task = Task { await informer.run() }
      await informer.waitForSync()
      let second = map("second")
      _ = try await client.create(ConfigMap.type, second.json)
      _ = try await client.patch(ConfigMap.type, second.key, .merge, ["data": ["x": "2"]])
      try await client.delete(ConfigMap.self, second.key)
      try await eventually("four changes") { changes.withLock { $0.count } >= 4 }
      #expect(changes.withLock { $0 } == ["added first", "added second", "changed second", "deleted second"])
      #expect(informer.all.map(\.name) == ["first"])
      task.cancel()
      await task.value
    }
  }

  @Test func oneLeadsAndTheNextFollows() async throws {
    try await within {
      let leaders = Locked<[String]>([])
      func elector(_ name: String) -> Task<Void, Never> {
        let elector = LeaderElector(
          client: client, namespace: namespace, name: "lease", identity: name, logger: logger,
          leaseDuration: .seconds(15), renewDeadline: .seconds(10), retryPeriod: .milliseconds(200))
        return Task {
          await elector.run {
            leaders.withLock { $0.append(name) }
            while !Task.isCancelled { try? await Task.sleep(for: .seconds(60)) }
            leaders.withLock { $0.append("end of \(name)") }
          }
        }
      }
      let first = elector("first")
      try await eventually("the first leads") { leaders.withLock { $0 } == ["first"] }
      let second = elector("second")
      let key = ObjectKey(namespace: namespace, name: "lease")
      let before = try await client.get(Lease.self, key)?.json.at("spec", "renewTime")?.string
      try await eventually("the first renews") {
        try await client.get(Lease.self, key)?.json.at("spec", "renewTime")?.string != before
      }
      #expect(try await client.get(Lease.self, key)?.json.at("spec", "holderIdentity") == "first")
      first.cancel()
      await first.value
      // Released, so the second need not wait for the end of the lease.
      try await eventually("the second leads", within: .seconds(10)) {
        leaders.withLock { $0 } == ["first", "end of first", "second"]
      }
      let lease = try await client.get(Lease.self, key)?.json["spec"]
      #expect(lease?["holderIdentity"] == "second")
      #expect(lease?["leaseTransitions"] == 1)
      second.cancel()
      await second.value
    }
  }

  @Test func recordsEvents() async throws {
    try await within {
      let subject = ConfigMap(json: try await client.create(ConfigMap.type, map("a").json))
      let recorder = EventRecorder(client: client, component: "tester", logger: logger)
      for _ in 0..<3 { await recorder.record(subject, warning: true, reason: "Tested", message: "it works") }
      await recorder.record(subject, reason: "Other", message: String(repeating: "é", count: 2000))
      let events = try await client.list(Event.self, namespace: namespace)
      let tested = events.filter { $0.json["reason"] == "Tested" }
      #expect(tested.count == 1)
      #expect(tested.first?.json["count"] == 3)
      #expect(tested.first?.json["type"] == "Warning")
      #expect(tested.first?.json.at("involvedObject", "name") == "a")
      #expect(events.contains { $0.json["reason"] == "Other" })
    }
  }

  @Test func manyRequestsAtOnceSucceed() async throws {
    try await within {
      try await withThrowingTaskGroup(of: Void.self) { group in
        for index in 0..<40 {
          group.addTask { _ = try await client.create(ConfigMap.type, map("m\(index)").json) }
        }
        try await group.waitForAll()
      }
      #expect(try await client.list(ConfigMap.self, namespace: namespace).count >= 40)
    }
  }
}
