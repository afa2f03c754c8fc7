import Glibc
import Policy

/// `odiglet copy DIRECTORY…`: copies agent files of the image into the volume of a pod and ends. The init container of
/// pods whose files come by `k8s-init-container` runs it, as any user and without any rights.
public enum AgentCopy {
  private static let help = """
    Usage: odiglet copy DIRECTORY...

    Copies the named directories of the image's agent files into a volume and ends.

    Environment:
      \(OdigletEnvironment.agentsDirectory)   where the image has the files (/\(OdigosPath.agentsInImage))
      \(OdigletEnvironment.hostDirectory)     where the volume is mounted (\(OdigosPath.agents))

    """

  /// Runs the command with the arguments after `copy`; answers the exit status.
  public static func run(_ arguments: [String]) -> Int32 {
    if arguments.first == "--help" || arguments.first == "-h" {
      print(help, terminator: "")
      return 0
    }
    guard !arguments.isEmpty else {
      say("odiglet copy needs the names of directories; see odiglet copy --help")
      return 2
    }
    do {
      try copy(
        arguments, from: processVariable(OdigletEnvironment.agentsDirectory) ?? "/\(OdigosPath.agentsInImage)",
        to: processVariable(OdigletEnvironment.hostDirectory) ?? OdigosPath.agents)
    } catch {
      say("FAILED: \(error)")
      return 1
    }
    say("copied \(arguments.joined(separator: ", "))")
    return 0
  }

  /// Copies directories; what an earlier attempt has left is replaced.
  static func copy(_ names: [String], from source: String, to destination: String) throws(AgentInstallationError) {
    for name in names {
      guard !name.isEmpty, !name.contains("/"), !name.hasPrefix(".") else {
        throw AgentInstallationError("\"\(name)\" is not the name of a directory of agent files")
      }
      guard FileOperation.exists("\(source)/\(name)") else {
        throw AgentInstallationError(
          "there are no agent files \(name) in \(source); use an image that has them (ODIGOS_INIT_CONTAINER_IMAGE)")
      }
      let target = "\(destination)/\(name)"
      if FileOperation.exists(target) { try FileOperation.remove(target) }
      try AgentTree(root: "\(source)/\(name)").copy(to: target)
    }
  }

  /// A line at once: the output is a container's log.
  private static func say(_ line: String) {
    let text = Array("odiglet copy: \(line)\n".utf8)
    _ = text.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
  }
}
