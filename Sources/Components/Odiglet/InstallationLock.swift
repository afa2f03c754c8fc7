import Glibc
import KubeletPlugin

/// Keeps two processes from installing or removing agent files at once; the kernel gives it up with the process.
///
/// Whoever can open a directory for reading can hold its lock for ever, and containers can open the node's directory of
/// agent files. So it is that of a directory which no container of a tenant sees, where there is such a one; and nothing
/// waits for it without a bound, or is unsafe without it.
struct InstallationLock {
  private let descriptor: Int32

  /// How long an installation waits for another one.
  static let bound = Duration.seconds(30)

  /// Takes the lock of a directory; nil where others have held it all the time.
  ///
  /// - Parameters:
  ///   - bound: how long it is waited for; at zero it is tried once.
  ///   - report: told once that it waits.
  init?(_ directory: String, within bound: Duration, report: (String) -> Void) throws(AgentInstallationError) {
    let descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .system("open", directory) }
    let end = ContinuousClock.now + bound
    var hasReported = false
    while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
      guard errno == EWOULDBLOCK || errno == EINTR else {
        let error = AgentInstallationError.system("lock", directory)
        close(descriptor)
        throw error
      }
      guard ContinuousClock.now < end else {
        close(descriptor)
        return nil
      }
      if !hasReported {
        report("another process has the lock of \(directory); waiting for it, \(bound) at most")
        hasReported = true
      }
      usleep(50_000)
    }
    self.descriptor = descriptor
  }

  /// The directory whose lock is used: that of the kubelet's device plugins, which only pods of the node's own see, or
  /// where that is not mounted, the directory of agent files.
  ///
  /// - Parameter plugins: that of the device plugins; nil for what the environment says.
  static func directory(
    plugins: String? = processVariable(OdigletEnvironment.devicePluginDirectory), agents: String
  ) -> String {
    let plugins = plugins.flatMap { $0.isEmpty ? nil : $0 } ?? DevicePluginAPI.directory
    return (try? FileOperation.names(in: plugins)) == nil ? agents : plugins
  }

  func release() { close(descriptor) }
}
