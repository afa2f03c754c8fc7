import Concurrency

/// The truth about the process, as probes ask for it.
public final class HealthState: Sendable {
  private struct Metric {
    var name: String
    var help: String
    var kind: String
    var read: @Sendable () -> [(suffix: String, labels: String, value: Double)]
  }

  private struct State {
    var conditions: [String: Bool] = [:]
    var checks: [(name: String, isAlive: @Sendable () -> Bool)] = []
    var isStopping = false
    var metrics: [Metric] = []
  }

  private let state = Locked(State())

  /// Starts without conditions, which counts as ready.
  public init() {}

  /// Sets the state of one named condition of readiness; ready means all true.
  public func setReady(_ condition: String, _ ready: Bool) {
    state.withLock { $0.conditions[condition] = ready }
  }

  /// Adds a gauge or counter read at scrape time, as Prometheus text `name value`.
  ///
  /// - Parameters:
  ///   - kind: "gauge" or "counter".
  ///   - read: Gives each series: its labels such as `kind="pod"`, or "" for none, and its value. It is called on the
  ///     loop's thread and must not wait.
  public func addMetric(
    _ name: String, help: String, kind: String, _ read: @escaping @Sendable () -> [(labels: String, value: Double)]
  ) {
    add(Metric(name: name, help: help, kind: kind) { read().map { ("", $0.labels, $0.value) } })
  }

  /// Adds a histogram, read at scrape time.
  ///
  /// - Parameter labels: Those of all its series, such as `webhook="pods"`, or "" for none.
  public func addHistogram(_ name: String, help: String, labels: String = "", _ histogram: Histogram) {
    add(Metric(name: name, help: help, kind: "histogram") { histogram.series(labels: labels) })
  }

  private func add(_ metric: Metric) { state.withLock { $0.metrics.append(metric) } }

  /// Adds something without which the process had better be restarted, such as a loop that has to turn. It is asked
  /// on the admin port's thread and must not wait.
  public func addLivenessCheck(_ name: String, _ isAlive: @escaping @Sendable () -> Bool) {
    state.withLock { $0.checks.append((name, isAlive)) }
  }

  /// The answer, and the checks that fail.
  var liveness: (isAlive: Bool, text: String) {
    let failed = state.withLock { $0.checks }.filter { !$0.isAlive() }
    if failed.isEmpty { return (true, "ok\n") }
    return (false, failed.map { "[-] \($0.name)\n" }.joined() + "not alive\n")
  }

  /// Whether every condition holds and the process is not ending.
  public var isReady: Bool { readiness.isReady }

  /// The process is ending: not ready from now on.
  func stop() {
    state.withLock { $0.isStopping = true }
  }

  /// The answer and a line for each condition.
  var readiness: (isReady: Bool, text: String) {
    let (conditions, isStopping) = state.withLock { ($0.conditions, $0.isStopping) }
    var lines = conditions.sorted { $0.key < $1.key }.map { "[\($0.value ? "+" : "-")] \($0.key)" }
    if isStopping { lines.append("[-] the process is stopping") }
    let isReady = !isStopping && conditions.values.allSatisfy(\.self)
    return (isReady, (lines + [isReady ? "ready" : "not ready"]).joined(separator: "\n") + "\n")
  }

  /// The metrics in Prometheus's text format.
  var metricsText: String {
    // Read outside the lock: a metric may ask for health.
    let metrics = state.withLock { $0.metrics }
    var text = ""
    for metric in metrics {
      text += "# HELP \(metric.name) \(Self.escaped(metric.help))\n# TYPE \(metric.name) \(metric.kind)\n"
      for series in metric.read() {
        let labels = series.labels.isEmpty ? "" : "{\(series.labels)}"
        text += "\(metric.name)\(series.suffix)\(labels) \(Self.number(series.value))\n"
      }
    }
    return text
  }

  private static func escaped(_ help: String) -> String {
    help.split(separator: "\n", omittingEmptySubsequences: false).joined(separator: "\\n")
  }

  private static func number(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
    return Int64(exactly: value).map(String.init) ?? String(value)
  }
}
