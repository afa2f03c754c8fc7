import JSON
import KubeClient
import KubeObjects
import Policy
import TestSupport
import Testing

@testable import Instrumentor

/// Whether pods can have the device follows from the node agents.
@Suite struct ClusterMountsTests {
  private static let namespace = "odigos-system"
  private static let key = ObjectKey(namespace: namespace, name: OdigosName.odiglet)

  /// The node agents' DaemonSet.
  private static func nodeAgents(ready: Int, environment: JSONValue) -> JSONValue {
    [
      "metadata": ["name": .string(key.name), "namespace": .string(namespace)],
      "spec": [
        "template": ["spec": ["containers": [["name": "helper"], ["name": "odiglet", "env": environment]]]]
      ],
      "status": ["numberReady": .int(ready)],
    ]
  }

  static func nodeAgents(ready: Int, _ features: String) -> JSONValue {
    nodeAgents(ready: ready, environment: self.features(features))
  }

  private static func features(_ text: String) -> JSONValue {
    [["name": "NODE_NAME", "value": "n"], ["name": "ODIGOS_NODE_FEATURES", "value": .string(text)]]
  }

  static let cases: [(ready: Int, environment: JSONValue, hasDevice: Bool)] = [
    (2, features("device-plugin,runtime-inspection"), true), (2, features("runtime-inspection , device-plugin"), true),
    (2, features("runtime-inspection"), false), (2, features("none"), false), (2, features(""), false),
    (0, features("device-plugin"), false),
    // Where nobody says anything, odiglet has the device.
    (2, [], true), (2, .null, true),
  ]

  @Test(arguments: cases)
  func aDeviceIsOfferedByNodeAgentsThatHaveThePlugin(ready: Int, environment: JSONValue, hasDevice: Bool) async throws {
    let cluster = try FakeCluster()
    cluster.set(DaemonSet.type, Self.key, Self.nodeAgents(ready: ready, environment: environment))
    let caches = InstrumentorCaches(
      client: cluster.client, namespace: Self.namespace, logger: AdmissionSample.logger)
    let task = Task { await caches.daemonSets.run() }
    await caches.daemonSets.waitForSync()
    let mounts = ClusterMounts(caches: caches, namespace: Self.namespace, minorVersion: 30, agentsImage: "registry/i:1")
    let facts = mounts.facts(OdigosConfiguration())
    #expect(facts.nodesHaveDevice == hasDevice)
    #expect(facts.isDeviceOff == (ready > 0 && !hasDevice), "where it is not off, it is late")
    #expect(MountDecision(.automatic, facts).method == (hasDevice ? .virtualDevice : .initContainer))
    task.cancel()
    await task.value
    await cluster.stop()
  }
}
