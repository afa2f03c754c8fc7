import JSON
import KubeClient
import KubeObjects
import OdigosObjects
import Policy

/// The part of an InstrumentationConfig's status that the instrumentor owns, as a whole: what it does not say any
/// more is gone.
struct PlannedStatus: Sendable, Equatable {
  var conditions: [Condition] = []
  /// What the last restart was for, "" for none.
  var workloadRolloutHash = ""
  /// RFC 3339; nil while no pod has agents.
  var instrumentationTime: String?
  var rollbackOccurred = false
  var injection: PodInjection?

  init() {}

  /// What the object says now.
  init(_ status: InstrumentationConfigStatus?) {
    guard let status else { return }
    conditions = status.conditions.filter { InstrumentorCondition.all.contains($0.type ?? "") }
    workloadRolloutHash = status.workloadRolloutHash ?? ""
    instrumentationTime = status.instrumentationTime
    rollbackOccurred = status.rollbackOccurred ?? false
    if let seen = status.podsManifestInjectionStatus {
      var injection = PodInjection([], desiredHash: "")
      injection.hasUpToDatePods = seen.hasInjectedUpToDatePods ?? false
      injection.hasOutOfDatePods = seen.hasInjectedOutOfDatePods ?? false
      injection.hasUninjectedPods = seen.hasUninjectedPods ?? false
      self.injection = injection
    }
  }

  /// Sets a condition; the time of its last transition stays while its status does.
  mutating func set(_ type: String, _ reason: Reason, now: String) {
    var condition = Condition()
    condition.type = type
    condition.status = reason.code.verdict.rawValue
    condition.reason = reason.code.rawValue
    condition.message = reason.message
    condition.lastTransitionTime = now
    conditions = conditions.setting(condition)
  }

  /// The object to be applied to the status.
  func applied(to key: ObjectKey) -> InstrumentationConfig {
    var config = InstrumentationConfig(name: key.name, namespace: key.namespace)
    config.status.conditions = conditions
    if !workloadRolloutHash.isEmpty { config.status.workloadRolloutHash = workloadRolloutHash }
    if let instrumentationTime { config.status.instrumentationTime = instrumentationTime }
    if rollbackOccurred { config.status.rollbackOccurred = true }
    if let injection {
      config.json.set(
        ["status", "podsManifestInjectionStatus"],
        [
          "hasInjectedUpToDatePods": .bool(injection.hasUpToDatePods),
          "hasInjectedOutOfDatePods": .bool(injection.hasOutOfDatePods),
          "hasUninjectedPods": .bool(injection.hasUninjectedPods),
        ])
    }
    return config
  }
}
