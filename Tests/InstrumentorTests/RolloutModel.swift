import JSON
import KubeClient
import KubeObjects
import OdigosObjects
import Policy

@testable import Instrumentor

/// Random numbers that are the same in every run.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 | 1 }
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}

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
    workload = merged(patch, into: workload)
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

/// RFC 7386.
func merged(_ patch: JSONValue, into target: JSONValue) -> JSONValue {
  guard let members = patch.object else { return patch }
  var result = target.object == nil ? [:] : target
  for (key, value) in members {
    let member: JSONValue? = value.isNull ? Optional.none : merged(value, into: result[key] ?? [:])
    result[key] = member
  }
  return result
}

/// The whole model: some Deployments, the controllers with caches that lag, and what must never happen.
struct RolloutModel {
  var workloads: [ModelWorkload]
  var configuration = OdigosConfiguration()
  var isWebhookUp = true
  var isWebhookServing = true
  var now = 1_735_689_600
  var ledger = RolloutLedger()
  var generator: SeededGenerator
  private var serial = 0
  /// What went wrong.
  private(set) var violations: [String] = []
  private(set) var restarts = 0
  private(set) var rollbacks = 0
  private(set) var repairs = 0
  private var restartsFor: [String: Int] = [:]
  private var repairsFor: [String: Int] = [:]
  /// The values of `restartedAt` that brought agents in, which may not stay in a template.
  private var ours: Set<String> = []

  init(seed: UInt64) {
    generator = SeededGenerator(seed: seed)
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
    check()
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
    let survives = { (generator: inout SeededGenerator) in Int.random(in: 0..<30, using: &generator) != 0 }
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
      note(plan, index, situation)
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

  // MARK: - What must never happen

  /// Counts a write that replaces pods.
  private mutating func note(_ plan: WorkloadPlan, _ index: Int, _ situation: WorkloadSituation) {
    if situation.config?.status.rollbackOccurred == true { rollbacks += 1 }
    guard plan.restartReason != nil, let patch = plan.workloadPatch else { return }
    let model = workloads[index]
    restarts += 1
    let notes = patch.at("metadata", "annotations")
    guard let hash = notes?[InstrumentorAnnotation.restartedFor]?.string, !hash.isEmpty else { return }
    ours.insert(model.reference.name + KubeTime(seconds: now).text)
    let epoch = "\(model.reference.name) \(hash) \(situation.config?.spec.agentsMetaHashChangedTime ?? "")"
    if notes?[InstrumentorAnnotation.repairedFor]?.string == nil {
      restartsFor[epoch, default: 0] += 1
      if restartsFor[epoch, default: 0] > 1 { violations.append("second restart of \(epoch)") }
    } else {
      repairs += 1
      repairsFor[model.reference.name + hash, default: 0] += 1
      if repairsFor[model.reference.name + hash, default: 0] > 1 { violations.append("second repair of \(epoch)") }
    }
    let limit = configuration.rollout.maxConcurrentRollouts
    let others = workloads.indices.count { $0 != index && isRollingOut($0) }
    if limit > 0, others >= limit { violations.append("\(others) rollouts go on when \(epoch) begins; limit \(limit)") }
  }

  /// Whether a restart for agents, or the putting back of a template, is under way.
  private func isRollingOut(_ index: Int) -> Bool { workloads[index].object.ownRolloutStart(now: now) != nil }

  private mutating func check() {
    for model in workloads {
      let name = model.reference.name
      if let hash = model.config?.spec.agentsMetaHash, model.pods.allSatisfy({ $0.facts.hash == hash }),
        !model.object.isRolloutOngoing
      {
        // Seen complete: pods that are missed later are missed anew.
        repairsFor[name + hash] = 0
      }
      guard let config = model.config, config.status.rollbackOccurred == true else { continue }
      let processed = config.metadata.annotations[OdigosAnnotation.rollbackRecoveryProcessed]
      let isHalfWritten = config.status.conditions.condition("AgentEnabled")?.reason != "EnabledSuccessfully"
      if config.spec.agentInjectionEnabled == true, model.recovery == processed, !isHalfWritten {
        violations.append("\(name) has agents though they were taken back")
      }
    }
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
        deploy(index)
        workloads[index].runPods(now: now)
      }
      now += 7
      check()
    }
  }

  /// What is wrong with workloads that nobody opted in any more.
  var leftovers: [String] {
    workloads.flatMap { model -> [String] in
      let name = model.reference.name
      var found: [String] = []
      if model.config != nil { found.append("\(name): an InstrumentationConfig") }
      if model.pods.contains(where: { !$0.facts.hash.isEmpty }) { found.append("\(name): pods with agents") }
      if model.object.hasNotes { found.append("\(name): notes \(model.workload.at("metadata", "annotations") ?? [:])") }
      if ours.contains(name + model.template) { found.append("\(name): our restart in its template") }
      if model.object.isRolloutOngoing { found.append("\(name): a rollout that does not end") }
      return found
    }
  }
}
