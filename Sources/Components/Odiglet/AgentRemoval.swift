import Glibc
import Policy

/// `odiglet cleanup`: empties the node's directory of agent files, for `odigos uninstall`. The directory itself is a
/// mount point and stays.
public enum AgentRemoval {
  /// Runs the command; answers the exit status.
  public static func run() -> Int32 {
    let directory = processVariable(OdigletEnvironment.hostDirectory) ?? OdigosPath.agents
    do throws(AgentInstallationError) {
      for name in try FileOperation.names(in: directory) { try FileOperation.remove("\(directory)/\(name)") }
    } catch {
      let text = Array("odiglet cleanup: FAILED: \(error)\n".utf8)
      _ = text.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
      return 1
    }
    return 0
  }
}
