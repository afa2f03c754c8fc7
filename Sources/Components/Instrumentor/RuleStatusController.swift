import JSON
import KubeClient
import KubeObjects
import KubeRuntime
import Logging
import OdigosObjects
import Policy

/// Says in the status of InstrumentationRules whether they have an effect, and why not.
struct RuleStatusController: Sendable {
  private let caches: InstrumentorCaches
  private let controller: Controller<ObjectKey>

  /// Registers with the caches; make it before they run.
  init(client: KubeClient, caches: InstrumentorCaches, logger: Logger) {
    self.caches = caches
    let rules = caches.rules
    controller = Controller(name: "rule-status", logger: logger) { key in
      guard let rule = rules.get(key), rule.metadata.deletionTimestamp == nil,
        let status = Self.status(rule, now: KubeTime.now.text)
      else { return .done }
      do throws(KubeError) {
        try await client.apply(status, fieldManager: InstrumentorName.fieldManager, subresource: .status)
      } catch {
        if !error.isNotFound { throw error }
      }
      return .done
    }
    let controller = controller
    rules.onChange { _, new in
      if let new { controller.enqueue(new.key) }
    }
  }

  /// Works until the task is cancelled.
  func run() async {
    await caches.waitForSync()
    for rule in caches.rules.all { controller.enqueue(rule.key) }
    await controller.run()
  }

  /// The status to apply; nil when the rule has it already.
  static func status(_ rule: InstrumentationRule, now: String) -> InstrumentationRule? {
    let reason = InstrumentationRuleFacts(rule).standing
    var condition = Condition(
      type: InstrumentorCondition.ruleApplied, status: reason.code.verdict.conditionStatus,
      reason: reason.code.rawValue, message: reason.message, now: now)
    condition.observedGeneration = rule.metadata.generation
    let conditions = rule.status.conditions.setting(condition)
    guard conditions != rule.status.conditions, let new = conditions.condition(InstrumentorCondition.ruleApplied)
    else { return nil }
    var result = InstrumentationRule(name: rule.name, namespace: rule.namespace)
    result.status.conditions = [new]
    return result
  }
}

extension Verdict {
  fileprivate var conditionStatus: ConditionStatus {
    switch self {
    case .positive: .yes
    case .negative: .no
    case .unknown: .unknown
    }
  }
}
