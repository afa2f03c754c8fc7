// The words of the instrumentor that others rely on.

/// Annotations on workloads that we restarted; they go when the template is put back.
enum InstrumentorAnnotation {
  /// The `restartedAt` that we wrote into the pod template last.
  static let restart = "odigos.io/restarted-at"
  /// The `restartedAt` that the pod template had before, "" for none.
  static let before = "odigos.io/restarted-at-before"
}

/// Types of the conditions of an InstrumentationConfig that the instrumentor writes.
enum InstrumentorCondition {
  static let markedForInstrumentation = "MarkedForInstrumentation"
  static let agentEnabled = "AgentEnabled"
  static let workloadRollout = "WorkloadRollout"
}

/// The name under which the instrumentor applies what it owns.
enum InstrumentorName {
  static let fieldManager = "odigos-instrumentor"
}
