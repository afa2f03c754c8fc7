import Glibc
import Policy

/// What the instrumentor's environment says.
struct InstrumentorSettings: Sendable, Equatable {
  /// The system's namespace.
  var namespace: String
  /// Who this process is among its replicas.
  var identity: String
  /// Where the webhook listens; 0 asks the system for a free port.
  var webhookPort: UInt16
  /// The image that has the agent files, "" where nobody said.
  var agentsImage: String
  /// Where the image has the agent files.
  var agentsDirectory: String

  /// A variable with a value that cannot be used.
  struct Invalid: Error, CustomStringConvertible {
    var description: String
  }

  /// Reads the variables through `variable`, which answers nil for those that are not set.
  init(variable: (String) -> String?) throws(Invalid) {
    func text(_ name: String) -> String? { variable(name).flatMap { $0.isEmpty ? nil : $0 } }
    namespace = text("CURRENT_NS") ?? OdigosName.defaultNamespace
    identity = text("POD_NAME") ?? text("HOSTNAME") ?? "instrumentor-\(getpid())"
    webhookPort = WebhookWord.port
    agentsImage = text(OdigosEnvironment.agentsImage) ?? ""
    agentsDirectory = text("ODIGOS_AGENTS_DIR") ?? "/\(OdigosPath.agentsInImage)"
    if let port = text("ODIGOS_WEBHOOK_PORT") {
      guard let number = UInt16(port) else {
        throw Invalid(description: "ODIGOS_WEBHOOK_PORT is \"\(port)\"; it must be a port number from 0 to 65535")
      }
      webhookPort = number
    }
  }

  /// Reads the environment of this process.
  static func current() throws(Invalid) -> InstrumentorSettings {
    try InstrumentorSettings { name in getenv(name).map { String(cString: $0) } }
  }
}
