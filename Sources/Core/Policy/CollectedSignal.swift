/// A kind of telemetry, as Destinations and CollectorsGroups name it.
public enum CollectedSignal: String, Sendable, Hashable, CaseIterable {
  case traces = "TRACES"
  case metrics = "METRICS"
  case logs = "LOGS"
  case profiles = "PROFILES"
}

/// What is known of the node collector.
public enum NodeCollectorState: Sendable, Hashable {
  /// It is not ready to receive.
  case notReady
  /// It receives these signals; none when no Destination wants any.
  case ready(Set<CollectedSignal>)

  /// What it receives; nil while it is not ready.
  public var signals: Set<CollectedSignal>? { if case .ready(let signals) = self { signals } else { nil } }
}
