// The words of Scheduler that others rely on.

/// Names under which the component appears in the cluster.
enum SchedulerName {
  /// Owner of the fields that it applies, its Lease, and reporter of its Events.
  static let manager = "odigos-scheduler"
  /// ConfigMaps whose settings win over the user's, the later over the earlier.
  static let overlays = ["odigos-remote-config", "odigos-local-ui-config"]
}

/// Environment variables of the component.
enum SchedulerEnvironment {
  /// The namespace of the installation.
  static let namespace = "CURRENT_NS"
  /// The name of this pod.
  static let podName = "POD_NAME"
}

/// Annotations of the ConfigMap `effective-config`.
enum ConfigurationAnnotation {
  /// `Applied`; `PartlyApplied` while single values of it cannot be used; `Refused` while it cannot be read at all
  /// and the last good one stays in effect.
  static let status = "odigos.io/configuration-status"
  /// What the user should know, one finding on each line.
  static let problems = "odigos.io/configuration-problems"
}

/// Reasons of Events about the user's configuration.
enum ConfigurationEvent {
  /// It is in effect.
  static let applied = "ConfigurationApplied"
  /// It is in effect, but some of it has none.
  static let warnings = "ConfigurationWarnings"
  /// It is in effect, except for values that cannot be used.
  static let partlyApplied = "ConfigurationPartlyApplied"
  /// It cannot be read; the last good one stays in effect.
  static let refused = "ConfigurationRefused"
}
