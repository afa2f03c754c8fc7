import Concurrency
import EventLoop
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
  private let index = NodePodIndex()
  var client: KubeClient
  var tree: ProcessTree
  var processes: NodeProcesses
  var runtime: ContainerRuntimeClient
  var logger: Logger
  private let schedule = Locked(InspectionSchedule())
  private let memory = LookMemory()
  private let looks = BlockingWork()
  let untold = UntoldFindings()
  private let ends: RepresentativeEnds
  private let clock = ContinuousClock()
  private let start = ContinuousClock().now
  /// Processes are listed at most twice a second, however many containers are asked for.
  private static let freshness = Duration.milliseconds(500)

  init(
    configs: Informer<InstrumentationConfig>, pods: Informer<Pod>, client: KubeClient, tree: ProcessTree,
    runtime: ContainerRuntimeClient, loop: EventLoop, logger: Logger
  ) {
    ends = RepresentativeEnds(tree: tree, loop: loop)
    self.configs = configs
    self.pods = pods
    self.client = client
    self.tree = tree
    processes = NodeProcesses(tree: tree)
    self.runtime = runtime
    self.logger = logger
  }

  /// The controller of the configs; `run` it beside the informers.
  func controller() -> Controller<ObjectKey> {
    // A container whose files do not answer keeps one of them waiting.
    let controller = Controller<ObjectKey>(name: "runtime-inspection", workers: 4, logger: logger) { key in
      try await reconcile(key)
    }
    configs.onChange { _, new in
      if let new { controller.enqueue(new.key) }
    }
    pods.onChange { [index] old, new in
      if let key = index.change(old, new) { controller.enqueue(key) }
    }
    return controller
  }

  /// Has containers looked at again in which other programs run than before, or in which the process has ended that
  /// they were judged by; runs until the task is cancelled. `events` is nil where the kernel does not tell of
  /// executions.
  func watch(_ controller: Controller<ObjectKey>, events: ExecEvents?) async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        await ProcessWatch(processes: processes, events: events).run {
          Set(index.containers.filter { configs.get($0.value) != nil }.keys)
        } isWatched: { container in
          index.config(ofContainer: container).map { configs.get($0) != nil } ?? false
        } changed: { changed in
          lookAgain(at: changed, controller)
        }
        ends.finish()
      }
      group.addTask { for await container in ends.ended { lookAgain(at: [container], controller) } }
    }
  }

  private func lookAgain(at containers: Set<String>, _ controller: Controller<ObjectKey>) {
    for id in containers {
      guard let key = index.config(ofContainer: id) else { continue }
      controller.enqueue(key, after: schedule.withLock { $0.noteChange(id, at: now) })
    }
  }

  private var now: Duration { clock.now - start }

  private func reconcile(_ key: ObjectKey) async throws -> ReconcileResult {
    guard pods.hasSynced, configs.hasSynced else { return .requeue(after: .milliseconds(100)) }
    guard let config = configs.get(key), config.metadata.deletionTimestamp == nil else {
      untold.forget(of: key)
      return .done
    }
    let recorded = config.status.runtimeDetailsByContainer
    let running = index.containers
    var observations = untold.ended(of: key, recorded: recorded) { running[$0] != nil }
    var next: Duration?
    for pod in index.pods(of: key) {
      var observation = PodObservation(
        created: pod.created, containerNames: pod.containers.map(\.name), containers: [])
      for container in pod.containers {
        guard let id = container.runningID, isWanted(container, id, pod, recorded) else { continue }
        let known = recorded.first { $0.containerName == container.name }
        let (found, again) = await observe(container, id, pod, known)
        if let found { observation.containers.append(found) }
        if let again { next = min(next ?? again, again) }
      }
      observations.append(observation)
    }
    do { try await report(RuntimeReport.joined(recorded, observations), of: config) } catch {
      // Looked at, but nobody knows: they are looked at again.
      schedule.withLock { $0.forget(index.pods(of: key).flatMap { $0.containers.compactMap(\.runningID) }) }
      throw error
    }
    untold.forget(
      of: key, told: observations.flatMap { $0.containers.map(\.containerID) }, isRunning: { running[$0] != nil })
    keepOnlyRunning()
    return next.map { .requeue(after: $0) } ?? .done
  }

  /// Forgets containers that have ended.
  private func keepOnlyRunning() {
    let running = Set(index.containers.keys)
    schedule.withLock { $0.keep(only: running) }
    memory.keep(only: running)
    ends.keep(only: running)
  }

  /// Containers that are like one that was looked at elsewhere are left alone until they change.
  private func isWanted(
    _ container: NodePod.Container, _ id: String, _ pod: NodePod, _ recorded: [RuntimeDetails]
  ) -> Bool {
    schedule.withLock { $0.isFollowed(id) }
      || !RuntimeReport.isSettled(recorded, container, podCreated: pod.created)
  }

  /// Inspects a container, if it is time to; also answers when to look again.
  private func observe(
    _ container: NodePod.Container, _ id: String, _ pod: NodePod, _ known: RuntimeDetails?
  ) async -> (ContainerObservation?, Duration?) {
    lookAgainWhereOthersKnowNothing(id, known)
    switch schedule.withLock({ $0.decision(id, at: now) }) {
    case .leave: return (nil, nil)
    case .wait(let delay): return (nil, delay)
    case .inspect: break
    }
    let key = ContainerKey(id: id, podUID: pod.uid, name: container.name)
    let listed = processes.listed(in: key, now: now, freshness: Self.freshness)
    guard let inspection = await inspection(of: id, key, listed) else {
      return (nil, schedule.withLock { $0.noteSilence(id, at: now) })
    }
    let variables = await imageVariables(of: container, id)
    let observation = ContainerObservation(
      name: container.name, image: container.image, command: container.command, environment: container.environment,
      containerID: id, inspection: inspection, imageVariables: variables)
    return noted(observation, InspectionVerdict(observation, known: known), of: pod)
  }

  /// Nil for a container whose files do not answer: that says nothing of it. The others are looked at meanwhile.
  private func inspection(
    of id: String, _ key: ContainerKey, _ listed: [ListedProcess]
  ) async -> ContainerInspection? {
    let found = await looks.run(id) { [memory, tree] in
      memory.inspection(id) {
        tree.mark(listed)
      } look: {
        tree.inspect(listed, of: key)
      }
    }
    if found == nil {
      logger.warning("files of a container do not answer; it is looked at again", metadata: ["container": "\(id)"])
    }
    return found
  }

  /// Notes a look; answers what of it is to be reported, and when to look again.
  private func noted(
    _ observation: ContainerObservation, _ verdict: InspectionVerdict, of pod: NodePod
  ) -> (ContainerObservation?, Duration?) {
    let id = observation.containerID
    if let process = observation.inspection.representative { ends.follow(process, of: id) } else { ends.forget(id) }
    if verdict.isCertain { memory.forget(id) }
    untold.note(observation, of: pod)
    return schedule.withLock { schedule in
      guard !verdict.isCertain else {
        let language = observation.inspection.runtime?.language.rawValue
        schedule.noteCertain(id, isNews: verdict.isNews, language: language, at: now)
        return (observation, nil)
      }
      let isAnswered = if case .success = observation.imageVariables { true } else { false }
      let elapsed = schedule.noteOpen(id, isNews: verdict.isNews, isAnswered: isAnswered, at: now)
      let again: Duration? = if case .wait(let delay) = schedule.decision(id, at: now) { delay } else { nil }
      let isDue = verdict.patience.map { elapsed >= $0 } ?? false
      return (isDue ? observation : nil, again)
    }
  }

  /// Another container has become nothing that is known, and has said so for all; this one may still be something.
  private func lookAgainWhereOthersKnowNothing(_ id: String, _ known: RuntimeDetails?) {
    guard let known, known.language == RuntimeLanguage.unknown.rawValue else { return }
    schedule.withLock { schedule in
      if schedule.certainLanguage(id) != nil { _ = schedule.noteChange(id, at: now) }
    }
  }

  private func imageVariables(
    of container: NodePod.Container, _ id: String
  ) async -> Result<[CapturedVariable: String], ContainerRuntimeError> {
    if let known = memory.imageVariables(id) { return .success(known) }
    do throws(ContainerRuntimeError) {
      let found = try await runtime.imageVariables(
        containerID: id, image: container.image, manifestNames: container.variableNames)
      memory.note(found, of: id)
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
