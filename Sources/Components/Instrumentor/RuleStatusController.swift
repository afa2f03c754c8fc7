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
      try await client.applyStatus(status)
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
    rule.applied(InstrumentationRuleFacts(rule).standing, now: now)
  }
}

extension KubeResource {
  /// An object with only the condition `Applied` in its status; nil when this one has it already.
  func applied(_ reason: Reason, now: String) -> Self? {
    var condition = Condition(
      type: InstrumentorCondition.applied, status: reason.code.verdict.conditionStatus,
      reason: reason.code.rawValue, message: reason.message, now: now)
    condition.observedGeneration = metadata.generation
    let present = json.at("status", "conditions")?.array?.map(Condition.init(json:)) ?? []
    let conditions = present.setting(condition)
    guard conditions != present, let new = conditions.condition(InstrumentorCondition.applied) else { return nil }
    var result = Self(name: name, namespace: namespace)
    result.json.set(["status", "conditions"], [new.json])
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
