import Concurrency
import Policy
import ServiceShell

/// How many reviews ended how and how long they took, since the start.
///
/// Every label has a closed set of values: nothing that a peer sends becomes one.
final class AdmissionMetrics: Sendable {
  /// Which question was answered.
  enum Webhook: String, CaseIterable, Sendable {
    case pods
    case sourceDefaults = "source-defaults"
    case sourceValidation = "source-validation"
    case actionValidation = "action-validation"
    /// A request that is none of a webhook.
    case none
  }

  enum Outcome: String, CaseIterable, Sendable {
    /// The pod was changed.
    case injected
    /// The workload is opted in, but the pod was left as it is.
    case skipped
    /// Nobody opted the pod in.
    case unconcerned
    /// The object passed.
    case allowed
    /// The object got what its author left out.
    case completed
    /// The object breaks a rule.
    case denied
    /// The request was none that can be answered.
    case refused
  }

  private struct Series: Hashable, Sendable {
    var webhook: Webhook
    var outcome: Outcome
    var reason: ReasonCode?
  }

  /// From 50 microseconds, which an answer takes, to the webhook's timeout.
  private static let bounds = [0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 1, 5]

  private let counts = Locked<[Series: Int]>([:])
  private let latency = Histogram(bounds: bounds)

  /// Counts an answer; `reason` is that of a pod's verdict.
  func count(_ webhook: Webhook, _ outcome: Outcome, reason: ReasonCode? = nil) {
    let series = Series(webhook: webhook, outcome: outcome, reason: reason)
    counts.withLock { $0[series, default: 0] += 1 }
  }

  /// Notes how long the answer about a pod took, in seconds.
  func observe(_ seconds: Double) { latency.observe(seconds) }

  /// How many answers ended so.
  func value(_ outcome: Outcome) -> Int {
    counts.withLock { $0.reduce(0) { $1.key.outcome == outcome ? $0 + $1.value : $0 } }
  }

  /// As Prometheus metrics have it. What has not happened yet is there with 0 where its reason is known before, so
  /// that the first time shows as an increase.
  var samples: [(labels: String, value: Double)] {
    var counts = counts.withLock { $0 }
    for outcome in [Outcome.injected, .skipped, .unconcerned]
    where !counts.contains(where: { $0.key.outcome == outcome }) {
      counts[Series(webhook: .pods, outcome: outcome, reason: Self.usual[outcome])] = 0
    }
    return counts.map { series, count in
      let reason = series.reason?.rawValue ?? ""
      return (
        "webhook=\"\(series.webhook.rawValue)\",outcome=\"\(series.outcome.rawValue)\",reason=\"\(reason)\"",
        Double(count)
      )
    }.sorted { $0.labels < $1.labels }
  }

  private static let usual: [Outcome: ReasonCode] = [
    .injected: .injected, .skipped: .alreadyInjected, .unconcerned: .notInstrumented,
  ]

  /// Shows them on the admin port.
  func add(to health: HealthState) {
    health.addMetric(
      "odigos_instrumentor_admissions_total", help: "Admission reviews by webhook, outcome and reason.",
      kind: "counter"
    ) { [self] in samples }
    health.addHistogram(
      "odigos_instrumentor_admission_duration_seconds", help: "Time from a pod's review to its answer.",
      labels: "webhook=\"pods\"", latency)
  }
}
