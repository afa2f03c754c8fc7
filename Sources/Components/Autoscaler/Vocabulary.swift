// The words of Autoscaler that others rely on.

/// Names under which the component appears in the cluster.
enum AutoscalerName {
  /// Owner of the fields that it applies, its Lease, and reporter of its Events.
  static let manager = "odigos-autoscaler"
}

/// Environment variables of the component.
enum AutoscalerEnvironment {
  /// The namespace of the installation.
  static let namespace = "CURRENT_NS"
  /// The version of the installation.
  static let version = "ODIGOS_VERSION"
  /// The name of this pod.
  static let podName = "POD_NAME"
  /// The image that the collectors run, unless the configuration names another.
  static let image = "ODIGOS_IMAGE"
  /// `imagePullPolicy` of that image.
  static let imagePullPolicy = "ODIGOS_IMAGE_PULL_POLICY"
}

/// Reasons of Events about `effective-config`.
enum AutoscalerEvent {
  /// It cannot be read, or not all of it.
  static let configurationUnusable = "ConfigurationUnusable"
}
