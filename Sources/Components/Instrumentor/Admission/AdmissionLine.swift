import KubeObjects
import Logging
import Policy
import ServiceShell

/// The one line that each review leaves in the log.
struct AdmissionLine {
  let review: AdmissionReview
  /// The workload, as text.
  let workload: String?
  let reason: Reason
  /// Whether the pod gets a patch.
  let isChanged: Bool

  /// Writes the line to `lines`, or to the logger where there is no such log.
  func write(_ level: Logger.Level, to lines: LineLog?, or logger: Logger) {
    let workload = workload ?? "none"
    let outcome = isChanged ? "injected" : "unchanged"
    let dryRun = review.isDryRun ? "true" : "false"
    guard let lines else {
      return logger.log(
        level: level, "pod reviewed",
        metadata: [
          "detail": "\(reason.message)", "dryRun": "\(dryRun)", "namespace": "\(review.namespace)",
          "outcome": "\(outcome)", "reason": "\(reason.code.rawValue)", "workload": "\(workload)",
        ])
    }
    lines.write(level, "pod reviewed") { line in
      line.add("detail", reason.message)
      line.add("dryRun", dryRun)
      line.add("namespace", review.namespace)
      line.add("outcome", outcome)
      line.add("reason", reason.code.rawValue)
      line.add("workload", workload)
    }
  }
}
