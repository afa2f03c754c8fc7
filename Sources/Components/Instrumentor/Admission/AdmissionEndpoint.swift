import EventLoop
import HTTPTransport
import JSON
import KubeObjects
import Logging
import Policy
import ServiceShell

/// Answers the API server's questions about new pods, and hands those about Sources and Actions on.
///
/// This is the one place that fails open: a review that can be read at all is always answered, that of a pod with
/// `allowed: true`, and whatever goes wrong below leaves the pod as it is. Nothing here waits or asks anybody.
struct AdmissionEndpoint: Sendable {
  let table: AdmissionTable
  let objects: ObjectReviews
  let logger: Logger
  let metrics: AdmissionMetrics
  /// Takes the lines about reviews; the logger does where there is none.
  var lines: LineLog?

  init(table: AdmissionTable, objects: ObjectReviews, logger: Logger) {
    self.table = table
    self.objects = objects
    self.logger = logger
    metrics = objects.metrics
  }

  /// Answers one request.
  func answer(_ request: HTTPRequest) -> HTTPResponse {
    guard let webhook = Self.webhook(request.path) else {
      return refuse(404, "there is nothing at this path; pods are reviewed at \(WebhookWord.path)", .none)
    }
    guard request.method == "POST" else {
      var response = refuse(405, "the method must be POST", webhook)
      response.headers.append((name: "allow", value: "POST"))
      return response
    }
    guard Self.isJSON(request.header("content-type") ?? "") else {
      return refuse(415, "the content type must be application/json", webhook)
    }
    let start = MonotonicInstant.now
    let review: AdmissionReview
    do {
      review = try AdmissionReview(JSONDocument(parsing: request.body))
    } catch let error as JSONError {
      return refuse(400, "the body must be an AdmissionReview in JSON: \(error)", webhook)
    } catch {
      return refuse(400, "the body must be an AdmissionReview: \(error)", webhook)
    }
    guard webhook == .pods else {
      return HTTPResponse(status: 200, body: objects.answer(review, at: webhook).serialized())
    }
    let body = answer(review).serialized()
    metrics.observe(Double(MonotonicInstant.now.nanoseconds - start.nanoseconds) / 1e9)
    return HTTPResponse(status: 200, body: body)
  }

  private func answer(_ review: AdmissionReview) -> AdmissionAnswer {
    let decision = decide(review)
    report(decision, review)
    var answer = AdmissionAnswer(uid: review.uid, patch: decision.patch, auditReason: decision.reason.code.rawValue)
    if review.object?["metadata"]?["annotations"]?[OdigosAnnotation.explain]?.equals("true") == true {
      answer.warnings = ["odigos: \(decision.reason)"]
    }
    return answer
  }

  private static func webhook(_ path: String) -> AdmissionMetrics.Webhook? {
    switch path {
    case WebhookWord.path: .pods
    case WebhookWord.sourceDefaultsPath: .sourceDefaults
    case WebhookWord.sourceValidationPath: .sourceValidation
    case WebhookWord.actionValidationPath: .actionValidation
    default: nil
    }
  }

  private static func isJSON(_ contentType: String) -> Bool {
    if contentType == "application/json" { return true }
    let mediaType = contentType.prefix { $0 != ";" }
    return mediaType.utf8.elementsEqual("application/json".utf8)
      || mediaType.lowercased().filter { $0 != " " } == "application/json"
  }

  private func refuse(_ status: Int, _ message: String, _ webhook: AdmissionMetrics.Webhook) -> HTTPResponse {
    metrics.count(webhook, .refused)
    logger.warning("admission request refused", metadata: ["status": "\(status)", "detail": "\(message)"])
    return HTTPResponse(status: status, contentType: "text/plain; charset=utf-8", body: Array("\(message)\n".utf8))
  }

  private struct Decision {
    var reason: Reason
    /// The workload as text.
    var workload: String?
    var patch: [UInt8]?
    /// Whether somebody opted the pod's workload in, so that people may wonder about the outcome.
    var concernsSomebody: Bool
  }

  private func decide(_ review: AdmissionReview) -> Decision {
    guard review.operation == .create, review.objectKind == "Pod", review.objectGroup.isEmpty,
      let pod = review.object
    else { return leave(Reason(.notInstrumented, "Only new pods are changed.")) }
    guard let owner = WorkloadOwner(pod: pod, namespace: review.namespace) else {
      return leave(Reason(.noWorkload, "No workload of a known kind owns the pod."))
    }
    switch table.entry(owner.workload) {
    case nil: return leave(Reason(.notInstrumented, "Nobody opted this workload in."), owner.workload)
    case .leave(let reason): return leave(reason, owner.workload, concernsSomebody: true)
    case .inject(let facts):
      let plan = Injection.plan(pod: pod, owner: owner, facts: facts)
      return Decision(
        reason: plan.reason, workload: facts.workloadText, patch: plan.isEmpty ? nil : plan.patch(),
        concernsSomebody: true)
    }
  }

  private func leave(_ reason: Reason, _ workload: WorkloadReference? = nil, concernsSomebody: Bool = false) -> Decision
  {
    Decision(reason: reason, workload: workload?.description, patch: nil, concernsSomebody: concernsSomebody)
  }

  private func report(_ decision: Decision, _ review: AdmissionReview) {
    metrics.count(
      .pods, decision.patch != nil ? .injected : decision.concernsSomebody ? .skipped : .unconcerned,
      reason: decision.reason.code)
    AdmissionLine(
      review: review, workload: decision.workload, reason: decision.reason, isChanged: decision.patch != nil
    ).write(decision.concernsSomebody ? .info : .debug, to: lines, or: logger)
  }
}
