import JSON
import KubeClient
import KubeObjects
import OdigosObjects
import Policy

@testable import Instrumentor

/// One Deployment of the model: the objects as the API server has them, the copies that the caches show, and a
/// Deployment controller that replaces pods one by one.
struct ModelWorkload {
  /// What the pods do when they have agents.
  enum Temper: CaseIterable {
    case healthy
    case crashes
    case neverReady
  }
  struct ModelPod {
    var facts: PodFacts
    /// The template's `restartedAt` that it was made from.
    var template: String
  }

  let reference: WorkloadReference
  var temper = Temper.healthy
  var isOptedIn = false
  var recovery: String?
  var workload: JSONValue
  var config: InstrumentationConfig?
  var pods: [ModelPod] = []
  /// What the webhook's replica knows that is asked next.
  var webhookHash = ""
  // The caches.
  var cachedWorkload: JSONValue
  var cachedConfig: InstrumentationConfig?
  var cachedPods: [PodFacts] = []

  init(_ name: String) {
    reference = WorkloadReference(namespace: "shop", kind: .deployment, name: name)
    workload = [
      "metadata": [
        "name": .string(name), "namespace": "shop", "uid": .string(name), "generation": 1, "resourceVersion": "1",
      ],
      "spec": ["replicas": 3, "template": ["spec": ["containers": [["name": "app"]]]]],
      "status": ["observedGeneration": 1, "replicas": 3, "updatedReplicas": 3, "availableReplicas": 3],
    ]
    cachedWorkload = workload
  }

  var object: WorkloadObject { WorkloadObject(reference, workload) }
  var template: String { object.restartedAt ?? "" }
  var liveFacts: [PodFacts] { pods.map(\.facts) }

  /// A write to the object: another version, and another generation where the spec changes.
  mutating func write(_ patch: JSONValue) {
    let spec = workload["spec"]
    workload = workload.merged(with: patch)
    let version = (workload.at("metadata", "resourceVersion")?.string).flatMap { Int($0) } ?? 0
    workload.set(["metadata", "resourceVersion"], .string(String(version + 1)))
    if workload["spec"] != spec {
      workload.set(["metadata", "generation"], .int((object.metadata.generation ?? 0) + 1))
    }
  }

  /// A step of the Deployment controller with one pod more than wanted and none fewer.
  mutating func rollOut(hash: String, now: Int, serial: Int) {
    let current = template
    let outdated = pods.filter { $0.template != current }
    let updated = pods.filter { $0.template == current }
    if pods.count > 3, let first = pods.firstIndex(where: { $0.template != current }),
      updated.allSatisfy(\.facts.isReady) || !pods[first].facts.isReady
    {
      pods.remove(at: first)
    } else if pods.count < 3 || (!outdated.isEmpty && pods.count == 3 && updated.allSatisfy(\.facts.isReady)) {
      pods.append(
        ModelPod(
          facts: PodFacts(
            name: "\(reference.name)-\(serial)", hash: hash, createdAt: now, isStarted: false,
            readiness: .unready(since: now)), template: current))
    }
    writeStatus()
  }

  mutating func writeStatus() {
    let updated = pods.count { $0.template == template }
    let status: JSONValue = [
      "observedGeneration": .int(object.metadata.generation ?? 0), "replicas": .int(pods.count),
      "updatedReplicas": .int(updated), "availableReplicas": .int(pods.count { $0.facts.isReady }),
    ]
    if workload["status"] != status { write(["status": status]) }
  }

  /// The kubelet: pods start and become ready, or not.
  mutating func runPods(now: Int) {
    for index in pods.indices {
      pods[index].facts.isStarted = true
      let isBroken = !pods[index].facts.hash.isEmpty && temper != .healthy
      pods[index].facts.trouble = isBroken && temper == .crashes ? .crashLoop : nil
      if !isBroken, !pods[index].facts.isReady { pods[index].facts.readiness = .ready(since: now) }
      if isBroken, pods[index].facts.isReady { pods[index].facts.readiness = .unready(since: now) }
    }
    writeStatus()
  }
}
