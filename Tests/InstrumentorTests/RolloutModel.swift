import JSON
import KubeClient
import KubeObjects
import OdigosObjects
import Policy

@testable import Instrumentor

/// The whole model: some Deployments, the controllers with caches that lag, and the record of what they do.
struct RolloutModel {
  var workloads: [ModelWorkload]
  var configuration = OdigosConfiguration()
  var isWebhookUp = true
  var isWebhookServing = true
  var now = 1_735_689_600
  var ledger = RolloutLedger()
  var generator: SplitMixGenerator
  private var serial = 0
  private(set) var record = RolloutRecord()

  init(seed: UInt64) {
    generator = SplitMixGenerator(seed: seed)
    workloads = ["a", "b", "c", "d"].map { ModelWorkload($0) }
    configuration.rollbackGraceTime = .seconds(30)
    configuration.rollout.maxConcurrentRollouts = Int(generator.next() % 3)
    configuration.rollout.automaticRolloutDisabled = false
    for index in workloads.indices {
      for _ in 0..<3 { deploy(index) }
      workloads[index].runPods(now: now)
      refresh(index)
    }
  }

  // MARK: - The world

  mutating func deploy(_ index: Int) {
    serial += 1
    let hash = isWebhookUp ? workloads[index].webhookHash : ""
    workloads[index].rollOut(hash: hash, now: now, serial: serial)
  }

  /// The watches catch up.
  mutating func refresh(_ index: Int) {
    let model = workloads[index]
    workloads[index].cachedWorkload = model.workload
    workloads[index].cachedConfig = model.config
    workloads[index].cachedPods = model.liveFacts
    _ = ledger.workloadChanged(model.reference, model.object, now: now)
    ledger.configChanged(model.reference, model.config)
    workloads[index].webhookHash = model.config?.spec.agentsMetaHash ?? ""
  }

  /// One thing happens to one workload.
  mutating func happen() {
    let index = Int.random(in: workloads.indices, using: &generator)
    switch Int.random(in: 0..<200, using: &generator) {
    case 0: workloads[index].isOptedIn.toggle()
    case 1..<4: workloads[index].isOptedIn = true
    case 4: workloads[index].temper = ModelWorkload.Temper.allCases.randomElement(using: &generator) ?? .healthy
    case 5: workloads[index].temper = .healthy
    case 6: isWebhookUp.toggle()
    case 7: isWebhookUp = true
    case 8: isWebhookServing = true
    case 9: isWebhookServing.toggle()
    case 10: workloads[index].recovery = "again-\(serial)"
    case 11: configuration.mountMethod = configuration.mountMethod == .hostPath ? .virtualDevice : .hostPath
    case 12: restartController()
    case 13: restartByUser(index)
    case 14..<16: if !workloads[index].pods.isEmpty { workloads[index].pods.removeLast() }
    case 16..<70: deploy(index)
    case 70..<90: workloads[index].runPods(now: now)
    case 90..<120: refreshPart(index)
    case 120..<135: refresh(index)
    case 135..<145: now += Int.random(in: 1...20, using: &generator)
    default: control(index)
    }
    record.check(workloads, now: now)
  }

  /// A new process: it knows what the objects say and nothing else.
  mutating func restartController() {
    ledger = RolloutLedger()
    for index in workloads.indices { refresh(index) }
  }

  /// One of the watches is ahead of the others.
  private mutating func refreshPart(_ index: Int) {
    let model = workloads[index]
    switch Int.random(in: 0..<4, using: &generator) {
    case 0:
      workloads[index].cachedWorkload = model.workload
      _ = ledger.workloadChanged(model.reference, model.object, now: now)
    case 1:
      workloads[index].cachedConfig = model.config
      ledger.configChanged(model.reference, model.config)
    case 2: workloads[index].webhookHash = model.config?.spec.agentsMetaHash ?? ""
    default: workloads[index].cachedPods = model.liveFacts
    }
  }

  private mutating func restartByUser(_ index: Int) {
    now += 1
    workloads[index].write([
      "spec": ["template": ["metadata": ["annotations": [OdigosAnnotation.restartedAt: .string("user-\(now)")]]]]
    ])
  }

  // MARK: - The controllers

  /// Reconciles as `WorkloadReconciler` does: by the caches, and again by the objects where pods are replaced.
  mutating func control(_ index: Int) {
    let model = workloads[index]
    let cached = ledger.latest(WorkloadObject(model.reference, model.cachedWorkload))
    var situation = situation(index, cached, model.cachedPods)
    var plan = WorkloadPlan.make(situation)
    if plan.replacesPods {
      situation = self.situation(index, model.object, model.liveFacts)
      plan = WorkloadPlan.make(situation)
    }
    // A process may die between any two of these writes.
    let survives = { (generator: inout SplitMixGenerator) in Int.random(in: 0..<30, using: &generator) != 0 }
    if plan.appliesStatusFirst {
      apply(plan.status, index)
      guard survives(&generator) else { return restartController() }
    }
    switch plan.config {
    case .leave: break
    case .delete: workloads[index].config = nil
    case .apply(let desired):
      let status = workloads[index].config?.json["status"]
      workloads[index].config = desired
      workloads[index].config?.json.set(["status"], status ?? ["runtimeDetailsByContainer": Self.details])
    }
    guard survives(&generator) else { return restartController() }
    if let patch = plan.workloadPatch,
      patch.at("metadata", "resourceVersion") == model.object.json.at("metadata", "resourceVersion")
    {
      record.note(plan, situation)
      var patch = patch
      patch.set(["metadata", "resourceVersion"], nil)
      workloads[index].write(patch)
      ledger.patched(workloads[index].object)
      guard survives(&generator) else { return restartController() }
    } else if plan.workloadPatch != nil {
      return
    }
    if !plan.appliesStatusFirst { apply(plan.status, index) }
  }

  private static let details: JSONValue = [
    ["containerName": "app", "language": "python", "runtimeVersion": "3.11.2", "secureExecutionMode": false]
  ]

  private func situation(_ index: Int, _ workload: WorkloadObject, _ pods: [PodFacts]) -> WorkloadSituation {
    let model = workloads[index]
    let label = model.isOptedIn ? [OdigosLabel.instrumentation: "enabled"] : [:]
    let selection = Selection.decide(
      workload: model.reference, workloadLabels: label, namespaceLabels: [:], sources: SourceIndex([]),
      ownNamespace: "odigos-system")
    return WorkloadSituation(
      workload: workload, selection: selection, config: model.cachedConfig, nodeCollector: .ready([.traces]),
      configuration: configuration, pods: pods, recovery: model.recovery,
      queue: ledger.queue(for: model.reference, now: now), recentRepairs: ledger.recentRepairs(now: now),
      isWebhookServing: isWebhookServing, now: KubeTime(seconds: now).text)
  }

  private mutating func apply(_ status: PlannedStatus?, _ index: Int) {
    guard let status, let config = workloads[index].config else { return }
    workloads[index].config?.json["status"] = status.applied(to: config.key).json["status"]
    workloads[index].config?.json.set(["status", "runtimeDetailsByContainer"], Self.details)
  }

  // MARK: - The end

  /// All is well again, for as long as it takes: caches, controllers, Deployments and pods go on until nothing changes.
  mutating func settle() {
    isWebhookUp = true
    isWebhookServing = true
    for _ in 0..<120 {
      for index in workloads.indices {
        refresh(index)
        control(index)
        refresh(index)
        record.check(workloads, now: now)
        deploy(index)
        workloads[index].runPods(now: now)
        record.check(workloads, now: now)
      }
      now += 7
    }
  }
}
