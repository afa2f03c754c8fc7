import Glibc
import KubeletPlugin
import Policy
import ProcessInspection

/// A setting that cannot be used: which, why, and what to do.
struct ConfigurationError: Error, Equatable, CustomStringConvertible {
  var description: String
  init(_ description: String) { self.description = description }
}

/// What the environment says.
struct OdigletConfiguration: Sendable, Equatable {
  var nodeName: String
  var hostDirectory: String
  var procDirectory: String
  var runtimeSockets: [String]
  var deviceCapacity: Int
  var devicePluginDirectory: String
  var processEvents: ProcessEventsSetting

  /// The bounds of the capacity: the list of devices must fit the kubelet's messages of at most 4 MiB.
  static let capacities = 1...65536

  /// Reads the settings through `variable`, which answers nil or "" for one that is not set.
  init(_ variable: (String) -> String?) throws(ConfigurationError) {
    func text(_ name: String) -> String? { variable(name).flatMap { $0.isEmpty ? nil : $0 } }
    guard let nodeName = text(OdigletEnvironment.nodeName) else {
      throw ConfigurationError(
        "\(OdigletEnvironment.nodeName) is not set; the DaemonSet takes it from the field spec.nodeName")
    }
    self.nodeName = nodeName
    hostDirectory = text(OdigletEnvironment.hostDirectory) ?? OdigosPath.agents
    procDirectory = text(OdigletEnvironment.procDirectory) ?? NodePath.proc
    runtimeSockets =
      text(OdigletEnvironment.runtimeSocket).map { [Self.path(ofEndpoint: $0)] } ?? NodePath.runtimeSockets
    devicePluginDirectory = text(OdigletEnvironment.devicePluginDirectory) ?? DevicePluginAPI.directory
    processEvents = try ProcessEventsSetting(text(OdigletEnvironment.processEvents))
    let capacity = text(OdigletEnvironment.deviceCapacity) ?? "1024"
    guard let number = Int(capacity), Self.capacities.contains(number) else {
      throw ConfigurationError(
        "\(OdigletEnvironment.deviceCapacity) is \"\(capacity)\"; it must be a number from 1 to \(Self.capacities.upperBound)"
      )
    }
    deviceCapacity = number
  }

  /// Runtimes' own configuration writes sockets as `unix:///run/…`.
  private static func path(ofEndpoint endpoint: String) -> String {
    endpoint.hasPrefix("unix://") ? String(endpoint.dropFirst("unix://".count)) : endpoint
  }
}

/// A variable of the process's environment; nil where it is not set.
func processVariable(_ name: String) -> String? {
  getenv(name).map { String(cString: $0) }
}
