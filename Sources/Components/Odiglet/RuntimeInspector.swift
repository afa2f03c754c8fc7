import Concurrency
import JSON
import KubeClient
import KubeObjects
import KubeRuntime
import Logging
import OdigosObjects
import ProcessInspection

/// Inspects the running containers of marked workloads on this node and reports what they are in the status of the
/// workloads' InstrumentationConfigs.
struct RuntimeInspector: Sendable {
  var configs: Informer<InstrumentationConfig>
  var pods: Informer<Pod>
  var client: KubeClient
  var scan: ProcessScan
  var runtime: ContainerRuntimeClient
  var logger: Logger
  private let schedule = Locked(InspectionSchedule())
  private let clock = ContinuousClock()
  private let start = ContinuousClock().now

  init(
    configs: Informer<InstrumentationConfig>, pods: Informer<Pod>, client: KubeClient, scan: ProcessScan,
    runtime: ContainerRuntimeClient, logger: Logger
  ) {
    self.configs = configs
    self.pods = pods
    self.client = client
    self.scan = scan
    self.runtime = runtime
    self.logger = logger
  }

  /// The controller of the configs; `run` it beside the informers.
  func controller() -> Controller<ObjectKey> {
    let controller = Controller<ObjectKey>(name: "runtime-inspection", logger: logger) { key in
      try await reconcile(key)
    }
    configs.onChange { _, new in
      if let new { controller.enqueue(new.key) }
    }
    pods.onChange { _, new in
      if let key = new.flatMap({ NodePod($0).configKey }) { controller.enqueue(key) }
    }
    return controller
  }

  private func reconcile(_ key: ObjectKey) async throws -> ReconcileResult {
    guard pods.hasSynced, configs.hasSynced else { return .requeue(after: .milliseconds(100)) }
    guard let config = configs.get(key), config.metadata.deletionTimestamp == nil else { return .done }
    let recorded = config.status.runtimeDetailsByContainer
    let own = pods.all.map(NodePod.init).filter { $0.configKey == key && !$0.isDeleted }
    var observations: [PodObservation] = []
    var next: Duration?
    for pod in own {
      var observation = PodObservation(
        created: pod.created, containerNames: pod.containers.map(\.name), containers: [])
      for container in pod.containers {
        guard let id = container.runningID,
          !RuntimeReport.isSettled(
            recorded, container: container.name, image: container.image, podCreated: pod.created)
        else { continue }
        let (found, again) = await observe(container, id)
        if let found { observation.containers.append(found) }
        if let again { next = min(next ?? again, again) }
      }
      observations.append(observation)
    }
    try await report(RuntimeReport.joined(recorded, observations), of: config)
    forgetGoneContainers()
    return next.map { .requeue(after: $0) } ?? .done
  }

  /// Inspects a container, if it is time to; also answers when to look again.
  private func observe(_ container: NodePod.Container, _ id: String) async -> (ContainerObservation?, Duration?) {
    switch schedule.withLock({ $0.decision(id, at: clock.now - start) }) {
    case .leave: return (nil, nil)
    case .wait(let delay): return (nil, delay)
    case .inspect: break
    }
    let inspection = scan.inspect(containerID: id)
    let variables = await imageVariables(of: container, id)
    let observation = ContainerObservation(
      name: container.name, image: container.image, inspection: inspection, imageVariables: variables)
    let isKnown = inspection.runtime != nil
    if isKnown, case .success = variables { return (observation, nil) }
    let (mayReport, decision) = schedule.withLock { schedule in
      let now = clock.now - start
      return (schedule.foundNothing(id, at: now), schedule.decision(id, at: now))
    }
    let again: Duration? = if case .wait(let delay) = decision { delay } else { nil }
    return (isKnown || mayReport ? observation : nil, again)
  }

  private func imageVariables(
    of container: NodePod.Container, _ id: String
  ) async -> Result<[CapturedVariable: String], ContainerRuntimeError> {
    do throws(ContainerRuntimeError) {
      let environment = try await runtime.environment(containerID: id)
      let fromImage = environment.fromImage(manifestNames: container.variableNames)
      var found: [CapturedVariable: String] = [:]
      for variable in CapturedVariable.allCases { found[variable] = fromImage[variable.rawValue] }
      return .success(found)
    } catch {
      return .failure(error)
    }
  }

  /// Writes the details and the condition where they differ from what is recorded. The version of the object goes
  /// along: when another node has written meanwhile, that is joined first.
  private func report(_ details: [RuntimeDetails], of config: InstrumentationConfig) async throws {
    let now = KubeTime.now.text
    guard let condition = RuntimeReport.condition(details, now: now) else { return }
    let conditions = config.status.conditions.setting(condition)
    guard details != config.status.runtimeDetailsByContainer || conditions != config.status.conditions,
      let new = conditions.condition(RuntimeDetectionCondition.type)
    else { return }
    var patch = InstrumentationConfig(name: config.name, namespace: config.namespace)
    patch.json.set(["metadata", "resourceVersion"], config.json.at("metadata", "resourceVersion"))
    patch.status.runtimeDetailsByContainer = details
    patch.status.conditions = [new]
    do throws(KubeError) {
      try await client.apply(patch, fieldManager: OdigletName.fieldManager, subresource: .status)
    } catch {
      if error.isNotFound { return }
      throw error
    }
    logger.info(
      "reported runtimes",
      metadata: ["instrumentationconfig": "\(config.key)", "runtimes": "\(new.message ?? "")"])
  }

  private func forgetGoneContainers() {
    let running = Set(pods.all.flatMap { NodePod($0).containers.compactMap(\.runningID) })
    schedule.withLock { schedule in
      schedule.keep(only: running)
    }
  }
}

/// The processes of containers, listed at most twice a second however many containers are asked for.
final class ProcessScan: Sendable {
  private struct State {
    var processes: [String: [Int32]] = [:]
    var time: ContinuousClock.Instant?
  }
  private let tree: ProcessTree
  private let state = Locked(State())
  private static let freshness = Duration.milliseconds(500)

  init(tree: ProcessTree) { self.tree = tree }

  /// Inspects the processes of a container.
  func inspect(containerID: String) -> ContainerInspection {
    tree.inspect(processes(of: containerID))
  }

  private func processes(of containerID: String) -> [Int32] {
    let now = ContinuousClock.now
    let (known, isFresh) = state.withLock { state in
      (state.processes[containerID], state.time.map { now - $0 < Self.freshness } ?? false)
    }
    if isFresh, let known { return known }
    let processes = tree.processesByContainer()
    state.withLock { state in
      state.processes = processes
      state.time = now
    }
    return processes[containerID] ?? []
  }
}

extension RuntimeInspector {
  /// Drops what is not needed of a config: its specification and the status of others can be large.
  static func trimmed(_ config: InstrumentationConfig) -> InstrumentationConfig {
    var kept = InstrumentationConfig(name: config.name, namespace: config.namespace)
    for path in [
      ["metadata", "uid"], ["metadata", "resourceVersion"], ["metadata", "deletionTimestamp"],
      ["status", "runtimeDetailsByContainer"],
    ] {
      if let value = config.json.at(path) { kept.json.set(path, value) }
    }
    if let condition = config.status.conditions.condition(RuntimeDetectionCondition.type) {
      kept.status.conditions = [condition]
    }
    return kept
  }
}
