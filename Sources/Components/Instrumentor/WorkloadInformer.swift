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

  /// Watches a kind; `isOwned` tells objects that are the business of another workload, of which only the name is
  /// kept.
  init<Resource: KubeResource>(
    _ kind: WorkloadKind, of _: Resource.Type, client: KubeClient, logger: Logger,
    isOwned: @escaping @Sendable (Resource) -> Bool = { _ in false }
  ) {
    let paths = WorkloadObject.readPaths(kind)
    let informer = Informer<Resource>(client: client, logger: logger) { object in
      object.keeping(isOwned(object) ? WorkloadObject.identityPaths : paths)
    }
    self.kind = kind
    scope = informer.scope
    run = { await informer.run() }
    waitForSync = { await informer.waitForSync() }
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

  /// The informers of the kinds that the API server has now. One that comes later is seen at the next start.
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
        WorkloadInformer(.job, of: Job.self, client: client, logger: logger) {
          $0.metadata.ownerReferences.contains { $0.isController }
        })
    }
    if try await has(ArgoRollout.type) {
      found.append(WorkloadInformer(.rollout, of: ArgoRollout.self, client: client, logger: logger))
    }
    if try await has(DeploymentConfig.type) {
      found.append(WorkloadInformer(.deploymentConfig, of: DeploymentConfig.self, client: client, logger: logger))
    }
    return found
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
