/// What the component is told by its environment.
struct AutoscalerSettings: Sendable, Equatable {
  var namespace: String
  var version: String
  /// Who this process is among those that may lead.
  var identity: String
  var image: String
  var imagePullPolicy: String?

  /// Reads the settings; `variable` gives the value of an environment variable.
  init(processID: Int32, variable: (String) -> String?) throws(AutoscalerSettingsError) {
    func value(_ name: String) -> String? { variable(name).flatMap { $0.isEmpty ? nil : $0 } }
    guard let image = value(AutoscalerEnvironment.image) else {
      throw AutoscalerSettingsError(
        description: "\(AutoscalerEnvironment.image) is not set; set it to the image that the collectors run")
    }
    let policies = ["Always", "IfNotPresent", "Never"]
    let policy = value(AutoscalerEnvironment.imagePullPolicy)
    if let policy, !policies.contains(policy) {
      throw AutoscalerSettingsError(
        description: "\(AutoscalerEnvironment.imagePullPolicy) is \"\(policy)\"; set it to one of "
          + policies.joined(separator: ", "))
    }
    namespace = value(AutoscalerEnvironment.namespace) ?? "odigos-system"
    version = value(AutoscalerEnvironment.version) ?? "unknown"
    identity = value(AutoscalerEnvironment.podName) ?? "\(AutoscalerName.manager)-\(processID)"
    self.image = image
    imagePullPolicy = policy
  }
}

/// Why the component cannot start; it names the variable.
struct AutoscalerSettingsError: Error, Equatable, CustomStringConvertible {
  var description: String
}
