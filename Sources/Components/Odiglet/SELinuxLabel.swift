import Glibc
import ProcessInspection

/// The label that SELinux wants on files which containers may read. Without it a container sees the agent files and is
/// refused them.
struct SELinuxLabel: Sendable, Equatable {
  /// The context.
  var context = Self.containerFile

  /// What container runtimes give to files that all containers share (mount option `:z`).
  static let containerFile = "system_u:object_r:container_file_t:s0"

  /// The label, where the kernel enforces or at least knows SELinux; nil elsewhere.
  ///
  /// - Parameters:
  ///   - sys: where sysfs is mounted. A container often has no selinuxfs in it.
  ///   - proc: where the process file system is mounted: its `filesystems` names selinuxfs where SELinux is on.
  static func ofNode(sys: String = "/sys", proc: String = NodePath.proc) -> SELinuxLabel? {
    if FileOperation.exists("\(sys)/fs/selinux/enforce") { return SELinuxLabel() }
    var text: [UInt8] = []
    guard (try? FileOperation.read("\(proc)/filesystems", { text += $0 })) != nil else { return nil }
    let names = text.split(separator: UInt8(ascii: "\n")).compactMap { $0.split(separator: UInt8(ascii: "\t")).last }
    return names.contains { $0.elementsEqual("selinuxfs".utf8) } ? SELinuxLabel() : nil
  }

  /// Labels everything in a tree that has another label or none, as after `restorecon`, and its top.
  func apply(to directory: String) throws(AgentInstallationError) { try applyDeeply(directory) }

  /// Labels a directory and what is directly in it, but for what is not ours.
  func apply(toEntriesOf directory: String) throws(AgentInstallationError) {
    try set(directory)
    for name in try FileOperation.names(in: directory) {
      let path = "\(directory)/\(name)"
      let isLink = try FileOperation.status(of: path).st_mode & S_IFMT == S_IFLNK
      if isLink || name == AgentInstallation.versionsName { try set(path) }
    }
  }

  private func applyDeeply(_ path: String) throws(AgentInstallationError) {
    if try FileOperation.status(of: path).st_mode & S_IFMT == S_IFDIR {
      for name in try FileOperation.names(in: path) { try applyDeeply("\(path)/\(name)") }
    }
    try set(path)
  }

  private func set(_ path: String) throws(AgentInstallationError) {
    if FileLabel.get(path) == context { return }
    let code = FileLabel.set(path, context)
    // A file system without labels has one for all of it (mount option context=), which an administrator has chosen.
    guard code != 0, code != ENOTSUP else { return }
    errno = code
    throw .system("set the SELinux label of", path)
  }
}
