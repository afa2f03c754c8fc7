import CollectorConfig
import JSON
import KubeObjects
import OdigosObjects
import Testing

@Suite struct DesiredObjectTests {
  private let group: CollectorsGroup = {
    var group = CollectorsGroup(name: ObjectName.gateway, namespace: "odigos-system")
    group.json.set(["metadata", "uid"], "u1")
    return group
  }()

  private func deployment(nodeSelector: [String: String] = [:]) -> DesiredObject {
    var group = group
    group.spec.nodeSelector = nodeSelector
    return DesiredObject(
      GatewayObjects.make(
        group: group, configuration: "a", variables: [], secrets: [:],
        platform: CollectorPlatform(
          namespace: "odigos-system", version: "v1", image: CollectorImage(reference: "i", isOwn: true),
          kubernetes: (1, 20))
      ).deployment)
  }

  /// What the server answers: the same with defaults and bookkeeping.
  private func stored(_ object: DesiredObject) -> JSONValue {
    var live = object.object.json
    live.set(["metadata", "resourceVersion"], "5")
    live.set(["metadata", "annotations", "deployment.kubernetes.io/revision"], "1")
    live.set(["spec", "strategy"], ["type": "RollingUpdate"])
    live.set(["spec", "template", "spec", "restartPolicy"], "Always")
    live.set(["status"], ["replicas": 1])
    return live
  }

  @Test func whatIsMissingIsApplied() { #expect(deployment().differs(from: nil)) }

  @Test func whatTheServerAddsIsNoDifference() { #expect(!deployment().differs(from: stored(deployment()))) }

  @Test func changesByOthersAreUndone() {
    var live = stored(deployment())
    live.set(["spec", "replicas"], 0)
    #expect(deployment().differs(from: live))
    live = stored(deployment())
    live.set(["metadata", "labels"], nil)
    #expect(deployment().differs(from: live))
  }

  @Test func whatIsNoLongerWantedIsADifference() {
    #expect(deployment().differs(from: stored(deployment(nodeSelector: ["pool": "a"]))))
  }

  @Test func hashesIgnoreTheOrderOfMembers() {
    let one: JSONValue = ["a": 1, "b": [1, 2]]
    let other: JSONValue = ["b": [1, 2], "a": 1]
    #expect(one.contentHash == other.contentHash)
    #expect(one.contentHash != (["a": 1, "b": [2, 1]] as JSONValue).contentHash)
    #expect(one.contentHash.count == 16)
  }

  @Test func containment() {
    let cases: [(whole: JSONValue, part: JSONValue, expected: Bool)] = [
      (["a": 1, "b": 2], ["a": 1], true), (["a": 1], ["a": 2], false), (["a": 1], ["b": 1], false),
      ([1, 2], [1], false), ([["a": 1, "b": 2]], [["a": 1]], true), ([:], ["a": [:]], true), ([:], ["a": []], true),
      ([:], ["a": ["b": 1]], false), ("a", "a", true), ("a", 1, false),
    ]
    for (whole, part, expected) in cases { #expect(whole.contains(part) == expected, "\(whole) contains \(part)") }
  }

  @Test func variablesOfDestinationsNeverCollide() {
    let names = ["a-b", "a.b", "a--b", "a---b", "a-.b", "a.-b", "ab", "a-b-c", "a", "aob", "anb", "a0b"]
    let keys = ["TOKEN", "B__TOKEN", "_TOKEN", "B_TOKEN"]
    let variables = names.flatMap { name in
      keys.map { SecretVariable(destination: name, secret: "s", key: $0).name }
    }
    #expect(Set(variables).count == names.count * keys.count)
  }
}

@Suite struct CollectorReadinessTests {
  private let group: CollectorsGroup = {
    var group = CollectorsGroup(name: ObjectName.nodeCollector, namespace: "odigos-system")
    group.json.set(["metadata", "uid"], "u1")
    return group
  }()

  private func daemonSet(
    owner: String = "u1", generation: Int = 2, observed: Int = 2, desired: Int, updated: Int, ready: Int
  ) -> DaemonSet {
    var group = group
    group.json.set(["metadata", "uid"], .string(owner))
    var daemonSet = DaemonSet(name: ObjectName.nodeCollector, namespace: "odigos-system")
    daemonSet.metadata.ownerReferences = [OwnerReference(to: group)]
    daemonSet.json.set(["metadata", "generation"], .int(generation))
    daemonSet.json["status"] = [
      "observedGeneration": .int(observed), "desiredNumberScheduled": .int(desired),
      "updatedNumberScheduled": .int(updated), "numberReady": .int(ready),
    ]
    return daemonSet
  }

  @Test func nodeCollectors() {
    func isReady(_ daemonSet: DaemonSet?) -> Bool { CollectorReadiness(nodes: daemonSet, of: group).isReady }
    #expect(!isReady(nil))
    #expect(isReady(daemonSet(desired: 1, updated: 1, ready: 1)))
    #expect(isReady(daemonSet(desired: 5, updated: 5, ready: 3)))
    #expect(!isReady(daemonSet(desired: 5, updated: 5, ready: 2)))
    #expect(!isReady(daemonSet(desired: 5, updated: 4, ready: 5)))
    #expect(!isReady(daemonSet(desired: 0, updated: 0, ready: 0)))
    #expect(!isReady(daemonSet(observed: 1, desired: 1, updated: 1, ready: 1)))
    #expect(!isReady(daemonSet(owner: "of-a-former-group", desired: 1, updated: 1, ready: 1)))
    var going = daemonSet(desired: 1, updated: 1, ready: 1)
    going.json.set(["metadata", "deletionTimestamp"], "2025-01-01T00:00:00Z")
    #expect(!isReady(going))
  }

  @Test func gateway() {
    var deployment = Deployment(name: ObjectName.gateway, namespace: "odigos-system")
    deployment.metadata.ownerReferences = [OwnerReference(to: group)]
    #expect(!CollectorReadiness(gateway: nil, of: group).isReady)
    #expect(!CollectorReadiness(gateway: deployment, of: group).isReady)
    deployment.json["status"] = ["readyReplicas": 1]
    #expect(CollectorReadiness(gateway: deployment, of: group).isReady)
  }
}
