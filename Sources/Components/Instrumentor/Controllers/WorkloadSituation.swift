import KubeClient
import KubeObjects
import OdigosObjects
import Policy

/// What is known of a workload when a decision about it is made.
struct WorkloadSituation: Sendable {
  var workload: WorkloadObject
  var selection: SelectionVerdict
  /// Its InstrumentationConfig as it is now.
  var config: InstrumentationConfig?
  var nodeCollector: NodeCollectorState
  var configuration: OdigosConfiguration
  /// Every InstrumentationRule.
  var rules: [InstrumentationRuleFacts] = []
  /// The Actions that agents carry out.
  var actions: [AgentActionFacts] = []
  /// What the nodes have of agents.
  var inventory = AgentInventory.release
  /// Its pods that run or will run.
  var pods: [PodFacts]
  /// The annotation `odigos.io/rollback-recovery` of its Source, or of the workload where no Source has one.
  var recovery: String?
  /// What other workloads do.
  var queue = RolloutQueue()
  /// How many workloads were repaired in the last minute.
  var recentRepairs = 0
  /// Whether the webhook of this process answers.
  var isWebhookServing = true
  /// RFC 3339.
  var now: String

  /// Seconds since 1970.
  var nowSeconds: Int { KubeTime(now)?.epochSeconds ?? 0 }

  /// When the workload got its present agents, in seconds since 1970: at our restart, or with the first pod that came
  /// with them by itself. Nil while no pod has them.
  var instrumentationTime: Int? {
    guard let config, let hash = config.spec.agentsMetaHash, !hash.isEmpty else { return nil }
    let known = config.status.instrumentationTime.flatMap(KubeTime.init)?.epochSeconds
    if rolledOutHash == hash, let time = workload.ownRestartTime { return time }
    if let known, known >= hashChangedTime ?? 0 { return known }
    return pods.filter { $0.hash == hash }.map(\.createdAt).min()
  }

  /// When what new pods get changed last, in seconds since 1970.
  private var hashChangedTime: Int? {
    config?.spec.agentsMetaHashChangedTime.flatMap(KubeTime.init)?.epochSeconds
  }

  /// The hash that the last restart was for, or that all pods had when they were last seen complete. A restart for
  /// the same hash from before it changed to another one and back does not count.
  var rolledOutHash: String? {
    if let noted = workload.note(InstrumentorAnnotation.restartedFor) {
      let time = workload.ownRestart.flatMap(KubeTime.init)?.epochSeconds ?? 0
      if noted.isEmpty || time >= hashChangedTime ?? 0 { return noted }
    }
    return config?.status.workloadRolloutHash.flatMap { $0.isEmpty ? nil : $0 }
  }

  /// What a decision about a restart needs to know.
  func rolloutFacts(desiredHash: String, isRollback: Bool) -> RolloutFacts {
    var facts = RolloutFacts(
      workload: workload.reference, desiredHash: desiredHash, rolledOutHash: rolledOutHash,
      repairedHash: workload.note(InstrumentorAnnotation.repairedFor), pods: pods,
      isRolloutOngoing: workload.isRolloutOngoing, obstacle: workload.obstacle,
      waitingSince: hashChangedTime ?? nowSeconds, configuration: configuration.rollout, now: nowSeconds)
    facts.isRollback = isRollback
    facts.canaryHash = workload.note(InstrumentorAnnotation.canaryFor)
    facts.canaryAt = workload.note(InstrumentorAnnotation.canaryAt).flatMap(KubeTime.init)?.epochSeconds ?? 0
    facts.isWebhookServing = isWebhookServing
    facts.recentRepairs = recentRepairs
    facts.queue = queue
    return facts
  }
}
