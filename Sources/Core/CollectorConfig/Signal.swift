/// A kind of telemetry, with the names that custom resources use.
public enum Signal: String, Sendable, CaseIterable, Comparable {
  case traces = "TRACES"
  case metrics = "METRICS"
  case logs = "LOGS"
  /// Accepted in manifests; no component that we generate carries profiles yet.
  case profiles = "PROFILES"

  /// Its name in the pipelines of a collector.
  public var pipelineName: String {
    switch self {
    case .traces: "traces"
    case .metrics: "metrics"
    case .logs: "logs"
    case .profiles: "profiles"
    }
  }

  /// The signals that can be collected.
  public static let collectable: [Signal] = [.traces, .metrics, .logs]

  /// Orders traces, metrics, logs, profiles.
  public static func < (left: Signal, right: Signal) -> Bool { left.rank < right.rank }

  private var rank: Int {
    switch self {
    case .traces: 0
    case .metrics: 1
    case .logs: 2
    case .profiles: 3
    }
  }
}
