import JSON
import KubeObjects
import OdigosObjects
import Policy

/// The InstrumentationConfig of a workload as it has to be: just the fields that the instrumentor owns.
enum DesiredConfig {
  static func make(
    _ situation: WorkloadSituation, _ verdict: AgentVerdict, _ rollback: RollbackState
  ) -> InstrumentationConfig {
    let reference = situation.workload.reference
    var config = InstrumentationConfig(name: reference.instrumentationConfigName, namespace: reference.namespace)
    var labels: [String: String] = [:]
    for stream in situation.selection.dataStreams { labels[OdigosLabel.dataStreamPrefix + stream] = "true" }
    config.metadata.labels = labels
    let annotations = annotations(situation, verdict, rollback)
    if !annotations.isEmpty { config.metadata.annotations = annotations }
    // What a Source says of a pod by its name holds for the next pod of that name, too.
    if let type = reference.kind.resourceType, !(reference.kind == .pod && situation.selection.isNamedBySource) {
      config.json.set(
        ["metadata", "ownerReferences"],
        [
          [
            "apiVersion": .string(type.apiVersion), "kind": .string(type.kind), "name": .string(reference.name),
            "uid": .string(situation.workload.metadata.uid ?? ""), "controller": true, "blockOwnerDeletion": false,
          ]
        ])
    }
    config.spec.serviceName = situation.selection.serviceName
    config.spec.agentInjectionEnabled = verdict.isInjectionEnabled
    if verdict.isRestartOptional { config.spec.podManifestInjectionOptional = true }
    // Left out when empty: server-side apply of Kubernetes 1.20 makes null of an empty string.
    config.spec.agentsMetaHash = verdict.agentsMetaHash.isEmpty ? Optional.none : verdict.agentsMetaHash
    config.spec.containersOverrides = situation.selection.containerOverrides.map { ContainerOverride(json: $0.json) }
    config.json.set(["spec", "containers"], verdict.containersJSON)
    if !verdict.sdkConfigs.isEmpty { config.json.set(["spec", "sdkConfigs"], .array(verdict.sdkConfigs)) }
    let before = situation.config?.spec
    config.spec.agentsMetaHashChangedTime =
      before?.agentsMetaHash ?? "" == verdict.agentsMetaHash
      ? before?.agentsMetaHashChangedTime ?? situation.now : situation.now
    return config
  }

  private static func annotations(
    _ situation: WorkloadSituation, _ verdict: AgentVerdict, _ rollback: RollbackState
  ) -> [String: String] {
    var annotations: [String: String] = [:]
    if verdict.isRestartOptional {
      let since = situation.config?.metadata.annotations[OdigosAnnotation.restartOptionalSince]
      annotations[OdigosAnnotation.restartOptionalSince] = since ?? situation.now
    }
    if let recovery = situation.recovery, !recovery.isEmpty {
      annotations[OdigosAnnotation.rollbackRecovery] = recovery
    }
    annotations[OdigosAnnotation.rollbackRecoveryProcessed] = rollback.processedRecovery
    return annotations
  }

  /// Whether the object already says what we would apply.
  static func isApplied(_ desired: InstrumentationConfig, in config: InstrumentationConfig?) -> Bool {
    guard let config else { return false }
    let streams = { (labels: [String: String]) in labels.filter { $0.key.hasPrefix(OdigosLabel.dataStreamPrefix) } }
    let notes = { (config: InstrumentationConfig) in
      [
        OdigosAnnotation.rollbackRecovery, OdigosAnnotation.rollbackRecoveryProcessed,
        OdigosAnnotation.restartOptionalSince,
      ].map { config.metadata.annotations[$0] }
    }
    return config.json["spec"] == desired.json["spec"] && streams(config.metadata.labels) == desired.metadata.labels
      && config.metadata.ownerReferences.map(\.uid) == desired.metadata.ownerReferences.map(\.uid)
      && notes(config) == notes(desired)
  }
}
