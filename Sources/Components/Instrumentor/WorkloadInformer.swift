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
  ///   - isOwned: tells objects that are the business of another workload, of which only the name is kept.
  init<Resource: KubeResource>(
    _ kind: WorkloadKind, of _: Resource.Type, client: KubeClient, logger: Logger,
    appearance: (@Sendable () async -> Void)? = nil, isOwned: @escaping @Sendable (Resource) -> Bool = { _ in false }
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
    waitForSync = { if appearance == nil { await informer.waitForSync() } }
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
struct WorkloadDiscovery: Sendable {
  let client: KubeClient
  let logger: Logger
  /// How often it is asked whether a kind has come that was not there: Argo Rollouts may be installed after us.
  var period = Duration.seconds(30)

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
    found.append(try await informer(.rollout, of: ArgoRollout.self))
    found.append(try await informer(.deploymentConfig, of: DeploymentConfig.self))
    return found
  }

  private func informer<Resource: KubeResource>(
    _ kind: WorkloadKind, of _: Resource.Type
  ) async throws -> WorkloadInformer {
    let appearance: @Sendable () async -> Void = { await self.appearance(of: Resource.type) }
    let isThere = try await has(Resource.type)
    return WorkloadInformer(
      kind, of: Resource.self, client: client, logger: logger, appearance: isThere ? nil : appearance)
  }

  /// Returns once the kind is there, or the task is cancelled.
  private func appearance(of type: ResourceType) async {
    repeat {
      do { try await Task.sleep(for: period) } catch { return }
    } while await (try? has(type)) != true && !Task.isCancelled
    if !Task.isCancelled { logger.info("the cluster has got \(type.plural).\(type.group)") }
  }

  private func has(_ type: ResourceType) async throws -> Bool {
    while true {
      do throws(KubeError) {
        let list = try await client.raw("/apis/\(type.group)/\(type.version)")
        return list["resources"]?.array?.contains { $0["name"]?.string == type.plural } ?? false
      } catch {
        if error.isNotFound { return false }
        try Task.checkCancellation()
        logger.warning("cannot find out whether there are \(type.plural)", metadata: ["error": "\(error)"])
        try await Task.sleep(for: .seconds(2))
      }
    }
  }
}
