import Glibc
import ProcessInspection
import Testing

@testable import Odiglet

/// The labels of agent files on nodes with SELinux; the system is one of files in a temporary directory.
@Suite struct SELinuxLabelTests {
  private let scratch: ScratchDirectory
  private var host: String { "\(scratch.path)/host" }

  init() throws { scratch = try ScratchDirectory() }

  private func ofNode() -> SELinuxLabel? {
    SELinuxLabel.ofNode(sys: "\(scratch.path)/sys", proc: "\(scratch.path)/proc")
  }

  @Test func isThereWhereTheKernelHasSELinux() throws {
    #expect(ofNode() == nil)
    try scratch.write("proc/filesystems", "nodev\tsysfs\nnodev\tnoselinuxfs\n\text4\n")
    #expect(ofNode() == nil)
    try scratch.write("proc/filesystems", "nodev\tsysfs\nnodev\tselinuxfs\n\text4\n")
    #expect(ofNode() == SELinuxLabel(context: "system_u:object_r:container_file_t:s0"))
    try scratch.write("proc/filesystems", "")
    try scratch.write("sys/fs/selinux/enforce", "0")
    #expect(ofNode() != nil)
  }

  /// Whether this process may write such labels here, as root of a usual container may not.
  private func canLabel() throws -> Bool {
    try scratch.write("probe", "")
    return FileLabel.set("\(scratch.path)/probe", "x") == 0
  }

  @Test func givesTheLabelToEverythingThatContainersRead() throws {
    guard try canLabel() else {
      print("skipped: labels cannot be written here (errno \(errno))")
      return
    }
    try scratch.write("image/python/package/agent.py", "x")
    symlink("agent.py", "\(scratch.path)/image/python/package/main.py")
    try scratch.write("host/mine/file", "not ours")
    let label = SELinuxLabel(context: "system_u:object_r:container_file_t:s0")
    let installation = AgentInstallation(
      source: "\(scratch.path)/image", destination: host, selinux: label, report: { _ in })
    try installation.install()
    let current = try FileOperation.target(of: "\(host)/.current")
    for path in [
      "", "/.current", "/.versions", "/python", "/\(current)", "/\(current)/python", "/\(current)/python/package",
      "/\(current)/python/package/agent.py", "/\(current)/python/package/main.py",
    ] {
      #expect(FileLabel.get(host + path) == label.context, "\(path)")
    }
    #expect(FileLabel.get("\(host)/mine/file") == nil && FileLabel.get("\(host)/mine") == nil)
    // A tree that an earlier release has installed without.
    #expect(FileLabel.set("\(host)/\(current)", "other") == 0)
    #expect(FileLabel.set("\(host)/\(current)/python", nil) == 0)
    try installation.install()
    #expect(FileLabel.get("\(host)/\(current)/python") == label.context)
  }

  @Test func whatCannotBeLabelledIsInstalledAllTheSame() throws {
    try scratch.write("image/python/agent.py", "x")
    // No file system takes a label of that length.
    let label = SELinuxLabel(context: String(repeating: "x", count: 1 << 17))
    var lines: [String] = []
    try AgentInstallation(
      source: "\(scratch.path)/image", destination: host, selinux: label, report: { lines.append($0) }
    ).install()
    #expect(scratch.text("host/python/agent.py") == "x")
    #expect(lines.contains { $0.contains("containers may be refused the agent files") }, "\(lines)")
  }
}
