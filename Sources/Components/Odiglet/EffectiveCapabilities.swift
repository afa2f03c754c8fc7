import Glibc
import Logging
import Policy

extension NodePrivileges {
  /// The features that this process can have; the log says what is off and why. Where the kernel does not tell its
  /// capabilities, everything is tried.
  static func ofThisProcess(wanted: Set<NodeFeature>, _ logger: Logger) -> Set<NodeFeature> {
    guard let effective = EffectiveCapabilities.read() else {
      logger.warning("the capabilities of this process are unknown; every feature is tried")
      return wanted
    }
    let privileges = NodePrivileges(wanted: wanted, effective: effective)
    for warning in privileges.warnings { logger.warning("\(warning)") }
    logger.info(
      "features of the node agent",
      metadata: [
        "on": "\(privileges.enabled.sorted().map(\.rawValue).joined(separator: ", "))",
        "off": "\(privileges.offWithNeeds)",
        "capabilities": "\(effective.sorted().map(\.rawValue).joined(separator: ", "))",
      ])
    return privileges.enabled
  }

  /// What is off, each with the capabilities that it would need.
  private var offWithNeeds: String {
    NodeFeature.allCases.sorted().filter { !enabled.contains($0) }.map { feature in
      let needs = feature.needs.map(\.capability.rawValue).joined(separator: ", ")
      return needs.isEmpty ? feature.rawValue : "\(feature.rawValue) (needs \(needs))"
    }.joined(separator: ", ")
  }
}

/// What the kernel lets this process do.
enum EffectiveCapabilities {
  /// The capabilities of /proc/self/status; nil when they cannot be read.
  static func read(_ path: String = "/proc/self/status") -> Set<LinuxCapability>? {
    var text = ""
    do throws(AgentInstallationError) {
      try FileOperation.read(path) { text += String(decoding: $0, as: UTF8.self) }
    } catch {
      return nil
    }
    return effective(inStatus: text)
  }

  static func effective(inStatus text: String) -> Set<LinuxCapability>? {
    guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix("CapEff:") }) else { return nil }
    return LinuxCapability.set(hexadecimal: line.dropFirst("CapEff:".count).filter { $0 != "\t" && $0 != " " })
  }
}
