import KubeObjects
import Logging
import Policy

/// Answers questions about Sources and Actions: completes and judges them by Policy's rules.
///
/// Like for pods, nothing here waits: other Sources are known from the cache.
struct ObjectReviews: Sendable {
  let sources: SourceTable
  /// The system's namespace.
  let namespace: String
  let metrics: AdmissionMetrics
  let logger: Logger

  func answer(_ review: AdmissionReview, at webhook: AdmissionMetrics.Webhook) -> AdmissionAnswer {
    var answer = AdmissionAnswer(uid: review.uid)
    guard review.operation == .create || review.operation == .update, review.objectGroup == "odigos.io",
      review.objectKind == (webhook == .actionValidation ? "Action" : "Source"), let object = review.object?.value
    else {
      metrics.count(webhook, .allowed)
      return answer
    }
    if webhook == .sourceDefaults {
      let defaults = SourceAdmission.defaults(object, namespace: review.namespace)
      answer.warnings = defaults.warnings
      if !defaults.patch.operations.isEmpty { answer.patch = defaults.patch.json.serialized() }
      metrics.count(webhook, answer.patch == nil ? .allowed : .completed)
      return answer
    }
    let old = review.operation == .update ? review.oldObject?.value : nil
    let verdict: ObjectVerdict
    if webhook == .actionValidation {
      verdict = ActionAdmission.validate(object, old: old, namespace: review.namespace, ownNamespace: namespace)
    } else {
      verdict = SourceAdmission.validate(
        object, old: old, namespace: review.namespace, ownNamespace: namespace,
        others: old == nil ? sources.others(in: review.namespace, than: review.name) : [])
    }
    answer.warnings = verdict.warnings
    if !verdict.isAllowed { answer.refusal = .invalid(verdict.message) }
    answer.auditReason = verdict.isAllowed ? "Valid" : "Invalid"
    report(verdict, review, webhook)
    return answer
  }

  private func report(_ verdict: ObjectVerdict, _ review: AdmissionReview, _ webhook: AdmissionMetrics.Webhook) {
    metrics.count(webhook, verdict.isAllowed ? .allowed : .denied)
    logger.log(
      level: verdict.isAllowed ? .debug : .info, "object reviewed",
      metadata: [
        "kind": "\(review.objectKind)", "namespace": "\(review.namespace)", "name": "\(review.name)",
        "outcome": "\(verdict.isAllowed ? "allowed" : "denied")", "detail": "\(verdict.message)",
        "dryRun": "\(review.isDryRun)",
      ])
  }
}
