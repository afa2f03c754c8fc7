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
    let installation = AgentInstallation(
      source: processVariable(OdigletEnvironment.agentsDirectory) ?? defaultSource,
      destination: processVariable(OdigletEnvironment.hostDirectory) ?? OdigosPath.agents,
      selinux: SELinuxLabel.ofNode(), report: say)
    do {
      try installation.install()
    } catch {
      say("FAILED: \(error)")
      return 1
    }
    // The files are installed; that old ones stay is no failure.
    do { try installation.removeUnusedVersions(tree: processTree()) } catch { say("old agent files stay: \(error)") }
    return 0
  }

  private static func processTree() -> ProcessTree {
    ProcessTree(root: processVariable(OdigletEnvironment.procDirectory) ?? NodePath.proc)
  }

  /// A line at once: the output is a container's log.
  private static func say(_ line: String) {
    let text = Array("odiglet init: \(line)\n".utf8)
    _ = text.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
  }
}

extension AgentInstallation {
  /// Removes the trees of other versions that no process of the node uses: none has a file of it mapped, and none that
  /// still runs came while it was the current one, for it may read further files of its agent at any time.
  func removeUnusedVersions(tree: ProcessTree) throws(AgentInstallationError) {
    let names = try oldVersions()
    guard !names.isEmpty else { return }
    func part(_ name: String) -> String { "/\(Self.versionsName)/\(name)/" }
    let used = tree.pathsInUse(Set(names.map(part)))
    let starts = tree.startTimes(mounting: OdigosPath.agents) { $0.hasPrefix("odiglet") }
    let current = try starts.map { starts throws(AgentInstallationError) in try versions(usedSince: starts) }
    let kept = try removeOldVersions { used.contains(part($0)) || current?.contains($0) ?? true }
    if !kept.isEmpty { report("keeping the agent files \(kept.joined(separator: ", ")), which may be in use") }
  }
}
