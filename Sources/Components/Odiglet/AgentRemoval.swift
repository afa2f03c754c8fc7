import Glibc
import Policy

/// `odiglet cleanup`: empties the node's directory of agent files, for `odigos uninstall`. The directory itself is a
/// mount point and stays.
public enum AgentRemoval {
  private static let help = """
    Usage: odiglet cleanup

    Removes everything in the node's directory of agent files and ends. There is no way back but to install again.

    Environment:
      \(OdigletEnvironment.hostDirectory)     where the node's directory is mounted (\(OdigosPath.agents))

    """
  /// Together less than `odigos uninstall` waits for it.
  private static let (lockBound, bound) = (Duration.seconds(10), Duration.seconds(30))
  /// What the system says where another process works in the same directory.
  private static let passing = [ENOENT, ENOTEMPTY, EEXIST]

  /// Runs the command with the arguments after `cleanup`; answers the exit status.
  public static func run(_ arguments: [String]) -> Int32 {
    if arguments.first == "--help" || arguments.first == "-h" {
      print(help, terminator: "")
      return 0
    }
    if let unknown = arguments.first {
      say("odiglet cleanup takes no argument, got \"\(unknown)\"; see odiglet cleanup --help")
      return 2
    }
    let directory = processVariable(OdigletEnvironment.hostDirectory) ?? OdigosPath.agents
    do throws(AgentInstallationError) {
      try empty(
        directory, lockDirectory: InstallationLock.directory(agents: directory), lockBound: lockBound, within: bound)
    } catch {
      say("FAILED: \(error)")
      return 1
    }
    return 0
  }

  /// Removes everything in a directory. Another process that installs there is waited for, and what it makes all the same
  /// is removed again.
  ///
  /// - Parameters:
  ///   - lockBound: how long the lock is waited for.
  ///   - bound: how long it is tried then.
  static func empty(
    _ directory: String, lockDirectory: String, lockBound: Duration, within bound: Duration
  ) throws(AgentInstallationError) {
    let lock = try InstallationLock(lockDirectory, within: lockBound, report: say)
    defer { lock?.release() }
    let end = ContinuousClock.now + bound
    while let failure = try removeAll(in: directory) {
      guard passing.contains(failure.code), ContinuousClock.now < end else { throw failure }
      usleep(50_000)
    }
  }

  /// One that stays does not keep the others; answers why the first stayed.
  private static func removeAll(in directory: String) throws(AgentInstallationError) -> AgentInstallationError? {
    var failure: AgentInstallationError?
    for name in try FileOperation.names(in: directory) {
      do throws(AgentInstallationError) { try FileOperation.remove("\(directory)/\(name)") } catch {
        // One that will not pass is what there is to say.
        if failure.map({ passing.contains($0.code) }) ?? true { failure = error }
      }
    }
    return failure
  }

  /// A line at once: the output is a container's log.
  private static func say(_ line: String) {
    let text = Array("odiglet cleanup: \(line)\n".utf8)
    _ = text.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
  }
}
