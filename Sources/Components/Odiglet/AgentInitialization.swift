import Glibc
import Policy
import ProcessInspection

/// `odiglet init`: installs the agent files and ends.
public enum AgentInitialization {
  /// Where images have the agent files.
  private static let defaultSource = "/instrumentations"
  private static let help = """
    Usage: odiglet init

    Installs the agent files of the image on the node and ends.

    Environment:
      \(OdigletEnvironment.agentsDirectory)   where the image has the files (\(defaultSource))
      \(OdigletEnvironment.hostDirectory)     where the node's directory is mounted (\(OdigosPath.agents))

    """

  /// Runs the command with the arguments after `init`; answers the exit status.
  public static func run(_ arguments: [String]) -> Int32 {
    if arguments.first == "--help" || arguments.first == "-h" {
      print(help, terminator: "")
      return 0
    }
    if let unknown = arguments.first {
      say("odiglet init takes no argument, got \"\(unknown)\"; see odiglet init --help")
      return 2
    }
    let destination = processVariable(OdigletEnvironment.hostDirectory) ?? OdigosPath.agents
    let processes = ProcessTree(root: processVariable(OdigletEnvironment.procDirectory) ?? NodePath.proc)
    let installation = AgentInstallation(
      source: processVariable(OdigletEnvironment.agentsDirectory) ?? defaultSource, destination: destination,
      selinux: SELinuxLabel.ofNode(), lockDirectory: InstallationLock.directory(agents: destination),
      processes: processes, report: say)
    do {
      try installation.install()
    } catch {
      say("FAILED: \(error)")
      return 1
    }
    // The files are installed; that old ones stay is no failure.
    do { try installation.removeUnusedVersions(tree: processes) } catch { say("old agent files stay: \(error)") }
    return 0
  }

  /// A line at once: the output is a container's log.
  private static func say(_ line: String) {
    let text = Array("odiglet init: \(line)\n".utf8)
    _ = text.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
  }
}
