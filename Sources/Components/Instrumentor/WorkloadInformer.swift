import JSON
import KubeClient
import KubeObjects
import KubeRuntime
import Logging
import Policy

/// The workloads of one kind, whatever their type: kinds that not every cluster has.
struct WorkloadInformer: InformerScoped {
  let kind: WorkloadKind
  let scope: InformerScope
  let run: @Sendable () async -> Void
  let waitForSync: @Sendable () async -> Void
  let object: @Sendable (ObjectKey) -> JSONValue?
  let keys: @Sendable () -> [ObjectKey]
  /// Registers a handler of changes; before `run`.
  let onChange: @Sendable (@escaping @Sendable (ObjectKey) -> Void) -> Void

  /// Watches a kind.
  ///
  /// - Parameters:
  ///   - appearance: waits until the cluster has the kind; nil where it has. Until then there are no such workloads.
  ///   - patience: how long the first list is waited for; nil for as long as it takes.
  ///   - isOwned: tells objects that are the business of another workload, of which only the name is kept.
  init<Resource: KubeResource>(
    _ kind: WorkloadKind, of _: Resource.Type, client: KubeClient, logger: Logger,
    appearance: (@Sendable () async -> Void)? = nil, patience: Duration? = nil,
    isOwned: @escaping @Sendable (Resource) -> Bool = { _ in false }
  ) {
    let paths = WorkloadObject.readPaths(kind)
    let informer = Informer<Resource>(client: client, logger: logger) { object in
      object.keeping(isOwned(object) ? WorkloadObject.identityPaths : paths)
    }
    self.kind = kind
    scope = informer.scope
    run = {
      await appearance?()
      await informer.run()
    }
    waitForSync = {
      guard appearance == nil else { return }
      guard let patience else { return await informer.waitForSync() }
      _ = await atMost(patience) { await informer.waitForSync() }
    }
    object = { key in
      guard let json = informer.get(key)?.json, json["spec"] != nil else { return nil }
      return json
    }
    keys = { informer.all.filter { $0.json["spec"] != nil }.map(\.key) }
    onChange = { handler in
      informer.onChange { old, new in
        guard old != new, let object = new ?? old, object.json["spec"] != nil else { return }
        handler(object.key)
      }
    }
  }
}

/// Which of the kinds that not every cluster has are there.
///
/// Jobs and CronJobs are Kubernetes' own: without an answer about them nothing can begin. For Rollouts and
/// DeploymentConfigs another server may have to answer (an aggregated API, a webhook that converts), and nothing waits
/// for one that is away: their workloads are left as they are until it answers.
struct WorkloadDiscovery: Sendable {
  let client: KubeClient
  let logger: Logger
  /// How often it is asked whether a kind has come that was not there: Argo Rollouts may be installed after us.
  var period = Duration.seconds(30)
  /// How long an answer about a kind that others serve is waited for, and by the controllers its first list.
  var patience = Duration.seconds(10)

  /// The informers of the kinds that the API server has now, or may get later by a definition of its own (CRD).
  func informers() async throws -> [WorkloadInformer] {
    var found: [WorkloadInformer] = []
    if try await has(CronJob.type) {
      found.append(WorkloadInformer(.cronJob, of: CronJob.self, client: client, logger: logger))
    } else if try await has(CronJobBeta.type) {
      found.append(WorkloadInformer(.cronJob, of: CronJobBeta.self, client: client, logger: logger))
    }
    if try await has(Job.type) {
      // A CronJob speaks for its Jobs, and there are many of them.
      found.append(
        WorkloadInformer(
          .job, of: Job.self, client: client, logger: logger,
          isOwned: { $0.metadata.ownerReferences.contains { $0.isController } }))
    }
    found.append(await informer(.rollout, of: ArgoRollout.self))
    found.append(await informer(.deploymentConfig, of: DeploymentConfig.self))
    try Task.checkCancellation()
    return found
  }

  private func informer<Resource: KubeResource>(_ kind: WorkloadKind, of _: Resource.Type) async -> WorkloadInformer {
    let type = Resource.type
    let isThere = await seems(type)
    let appearance: @Sendable () async -> Void = { await self.appearance(of: type) }
    return WorkloadInformer(
      kind, of: Resource.self, client: client, logger: logger, appearance: isThere ? nil : appearance,
      patience: patience)
  }

  /// Returns once the kind is there, or the task is cancelled.
  private func appearance(of type: ResourceType) async {
    repeat {
      do { try await Task.sleep(for: period) } catch { return }
    } while await !seems(type) && !Task.isCancelled
    if !Task.isCancelled { logger.info("the cluster has got \(type.plural).\(type.group)") }
  }

  /// Whether a kind is there, as far as it is known: one about which nobody answers in time is not.
  private func seems(_ type: ResourceType) async -> Bool {
    let answer = await atMost(patience) { () async -> Result<Bool, KubeError> in
      do throws(KubeError) { return .success(try await isListed(type)) } catch { return .failure(error) }
    }
    switch answer {
    case .success(let isThere): return isThere
    case .failure(let error): warn(type, "\(error)")
    case nil: warn(type, "no answer within \(patience)")
    }
    return false
  }

  /// Whether a kind of Kubernetes' own is there; asks until there is an answer.
  private func has(_ type: ResourceType) async throws -> Bool {
    while true {
      do throws(KubeError) { return try await isListed(type) } catch {
        try Task.checkCancellation()
        warn(type, "\(error)")
        try await Task.sleep(for: .seconds(2))
      }
    }
  }

  private func isListed(_ type: ResourceType) async throws(KubeError) -> Bool {
    do throws(KubeError) {
      let list = try await client.raw("/apis/\(type.group)/\(type.version)")
      return list["resources"]?.array?.contains { $0["name"]?.string == type.plural } ?? false
    } catch {
      if error.isNotFound { return false }
      throw error
    }
  }

  private func warn(_ type: ResourceType, _ error: String) {
    if Task.isCancelled { return }
    logger.warning("cannot find out whether there are \(type.plural), asking again", metadata: ["error": "\(error)"])
  }
}

/// What comes of `body` when that is over in time, else nil; `body` is cancelled then and has to end by it.
private func atMost<Answer: Sendable>(
  _ patience: Duration, _ body: @escaping @Sendable () async -> Answer
) async -> Answer? {
  await withTaskGroup(of: Answer?.self) { group in
    group.addTask { await body() }
    group.addTask {
      try? await Task.sleep(for: patience)
      return nil
    }
    defer { group.cancelAll() }
    return await group.next() ?? nil
  }
}
