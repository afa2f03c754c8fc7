import CollectorConfig
import JSON
import KubeClient
import KubeObjects
import KubeRuntime
import Logging
import OdigosObjects

/// What a pass is about.
enum SchedulerWork: Hashable, Sendable {
  /// `effective-config` and the objects of profiles.
  case configuration
  /// The CollectorsGroups.
  case groups
}

/// Makes the cluster what the decisions say, by server-side apply of what differs.
struct SchedulerReconciler: Sendable {
  let client: KubeClient
  let view: ClusterView
  let events: EventRecorder
  let namespace: String
  let logger: Logger

  /// One pass.
  func reconcile(_ work: SchedulerWork) async throws {
    switch work {
    case .configuration: try await reconcileConfiguration()
    case .groups: try await reconcileGroups()
    }
  }

  private func reconcileConfiguration() async throws(KubeError) {
    let decision = view.configurationDecision
    if let effective = decision.effective {
      if try await apply(effective) { await report(decision) }
    } else {
      // There is no object yet to note the findings on, so that every pass tells them.
      await report(decision)
    }
    guard let profiles = decision.profiles else { return }
    for object in profiles.objects { _ = try await apply(object) }
    for (type, key) in view.staleProfileObjects(hash: profiles.hash) {
      try await client.delete(type, key)
      logger.info("deleted \(type.kind) \(key), which belongs to no profile any more")
    }
  }

  private func reconcileGroups() async throws(KubeError) {
    let decision = view.groupsDecision(view.configurationDecision.configuration)
    for group in decision.wanted { _ = try await apply(group) }
    if decision.deletesNodeGroup {
      try await client.delete(
        CollectorsGroup.self, ObjectKey(namespace: namespace, name: ObjectName.nodeCollector))
      logger.info("deleted CollectorsGroup \(ObjectName.nodeCollector): nothing is instrumented any more")
    }
  }

  /// Whether the object had to be applied.
  private func apply(_ object: DesiredObject) async throws(KubeError) -> Bool {
    let live = view.live(object)
    if live?.at("metadata", "deletionTimestamp") != nil { return false }
    guard object.differs(from: live) else { return false }
    _ = try await client.patch(
      object.object.type, object.key, .apply, object.object.json, fieldManager: SchedulerName.manager, force: true)
    logger.info("applied \(object.object.type.kind) \(object.key)")
    return true
  }

  private func report(_ decision: ConfigurationDecision) async {
    let name = view.userConfiguration?.name ?? ObjectName.userConfiguration
    let (reason, message) =
      if !decision.isAccepted {
        (
          ConfigurationEvent.refused,
          (decision.configuration == nil
            ? "there is no good configuration to keep, so nothing is changed until this one can be read:\n"
            : "the last good configuration stays in effect:\n") + decision.findings
        )
      } else if decision.hasErrors {
        (ConfigurationEvent.partlyApplied, "values that cannot be used were left out:\n\(decision.findings)")
      } else if !decision.findings.isEmpty {
        (ConfigurationEvent.warnings, decision.findings)
      } else {
        (ConfigurationEvent.applied, "the configuration is in effect")
      }
    let isGood = reason == ConfigurationEvent.applied
    logger.log(level: isGood ? .info : .warning, "\(name): \(message)")
    guard let user = view.userConfiguration else { return }
    await events.record(user, warning: !isGood, reason: reason, message: message)
  }
}
