/// What the component is told by its environment.
struct SchedulerSettings: Sendable, Equatable {
  var namespace: String
  /// Who this process is among those that may lead.
  var identity: String

  /// Reads the settings; `variable` gives the value of an environment variable.
  init(processID: Int32, variable: (String) -> String?) {
    func value(_ name: String) -> String? { variable(name).flatMap { $0.isEmpty ? nil : $0 } }
    namespace = value(SchedulerEnvironment.namespace) ?? "odigos-system"
    identity = value(SchedulerEnvironment.podName) ?? "\(SchedulerName.manager)-\(processID)"
  }
}
