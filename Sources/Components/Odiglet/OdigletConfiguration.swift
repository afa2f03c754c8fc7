import Glibc
import HTTPTransport
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
  var namespace: String
  var features: Set<NodeFeature>
  var agentsDirectory: String
  var hostDirectory: String
  var procDirectory: String
  var runtimeSockets: [String]
  /// Nil: what the node needs.
  var deviceCapacity: Int?
  /// The full names of the resources that are served beside the device.
  var deviceAliases: [String]
  var devicePluginDirectory: String
  /// Where agents are served: the node's socket, which containers see below /var/odigos, and the port.
  var opAMPAddresses: [SocketAddress]
  /// What the API says of the node's own addresses.
  var nodeAddresses: [String]

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
    nodeAddresses = [text(OdigletEnvironment.nodeIP)].compactMap(\.self)
    namespace = text(OdigletEnvironment.namespace) ?? OdigosName.defaultNamespace
    do throws(NodeFeatureError) {
      features = try text(OdigletEnvironment.features).map(NodeFeature.parse) ?? NodeFeature.standard
    } catch {
      throw ConfigurationError("\(OdigletEnvironment.features): \(error)")
    }
    agentsDirectory = text(OdigletEnvironment.agentsDirectory) ?? "/\(OdigosPath.agentsInImage)"
    hostDirectory = text(OdigletEnvironment.hostDirectory) ?? OdigosPath.agents
    procDirectory = text(OdigletEnvironment.procDirectory) ?? NodePath.proc
    runtimeSockets = NodePath.runtimeSockets
    if let endpoint = text(OdigletEnvironment.runtimeSocket) {
      runtimeSockets = Self.sockets(ofEndpoint: endpoint, proc: procDirectory)
    }
    devicePluginDirectory = text(OdigletEnvironment.devicePluginDirectory) ?? DevicePluginAPI.directory
    deviceCapacity = try text(OdigletEnvironment.deviceCapacity).map(Self.capacity)
    deviceAliases = try Self.aliases(text(OdigletEnvironment.deviceAliases) ?? "all")
    opAMPAddresses = [
      .unix(path: hostDirectory + OdigosPath.opAMPSocket.dropFirst(OdigosPath.agents.count)),
      .tcp(host: "::", port: try Self.port(text(OdigletEnvironment.opAMPPort))),
    ]
  }

  private static func port(_ text: String?) throws(ConfigurationError) -> UInt16 {
    guard let text else { return UInt16(OdigosPort.opAMP) }
    guard let port = UInt16(text) else {
      throw ConfigurationError("\(OdigletEnvironment.opAMPPort) is \"\(text)\"; it must be a number from 0 to 65535")
    }
    return port
  }

  private static func capacity(_ text: String) throws(ConfigurationError) -> Int {
    guard let number = Int(text), capacities.contains(number) else {
      throw ConfigurationError(
        "\(OdigletEnvironment.deviceCapacity) is \"\(text)\"; it must be a number from 1 to \(capacities.upperBound)")
    }
    return number
  }

  /// Any name of ours can be given, with its prefix or without: more were in use than are known here.
  private static func aliases(_ text: String) throws(ConfigurationError) -> [String] {
    if text == "none" { return [] }
    let names = text == "all" ? OdigosResource.olderDevices : text.split(separator: ",").map(trimmed)
    var aliases: [String] = []
    for name in names where !name.isEmpty {
      let short =
        name.hasPrefix(OdigosResource.devicePrefix) ? String(name.dropFirst(OdigosResource.devicePrefix.count)) : name
      guard isResourceName(short) else {
        throw ConfigurationError(
          "\(OdigletEnvironment.deviceAliases) has \"\(name)\", which is no name of a resource; give all, none, or names "
            + "such as \(OdigosResource.olderDevices[0])")
      }
      let alias = OdigosResource.devicePrefix + short
      if alias != OdigosResource.genericDevice, !aliases.contains(alias) { aliases.append(alias) }
    }
    return aliases
  }

  private static func trimmed(_ name: Substring) -> String {
    String(name.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
  }

  /// What the API server takes after the slash (a qualified name's): 63 letters, digits, `-`, `_` and `.`, the first
  /// and last of them no sign.
  private static func isResourceName(_ name: String) -> Bool {
    func isSign(_ byte: UInt8) -> Bool { [45, 46, 95].contains(byte) }
    func isPlain(_ byte: UInt8) -> Bool {
      (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
    }
    let bytes = Array(name.utf8)
    guard let first = bytes.first, let last = bytes.last, bytes.count <= 63 else { return false }
    return isPlain(first) && isPlain(last) && bytes.allSatisfy { isPlain($0) || isSign($0) }
  }

  /// Where a socket of the node may be for us: at its own path, below the directory at which the node's `/run` is
  /// mounted, and wherever it is through the node's first process, whose files an agent can see that may inspect
  /// processes. Runtimes' own configuration writes sockets as `unix:///run/…`; `/var/run` is a link, mostly an absolute
  /// one, which would lead back here.
  private static func sockets(ofEndpoint endpoint: String, proc: String) -> [String] {
    let path = endpoint.hasPrefix("unix://") ? String(endpoint.dropFirst("unix://".count)) : endpoint
    let onNode = path.hasPrefix("/var/run/") ? String(path.dropFirst("/var".count)) : path
    return [path, "/host\(onNode)", "\(proc)/1/root\(onNode)"]
  }
}

/// A variable of the process's environment; nil where it is not set.
func processVariable(_ name: String) -> String? {
  getenv(name).map { String(cString: $0) }
}
