import Glibc
import ProcessInspection
import TestSupport
import Testing

@testable import Odiglet

/// The labels of agent files on nodes with SELinux; the system is one of files in a temporary directory.
@Suite struct SELinuxLabelTests {
  private let scratch: TemporaryDirectory
  private var host: String { "\(scratch.path)/host" }

  init() throws { scratch = try TemporaryDirectory() }

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
    // A single file that somebody has labelled anew.
    #expect(FileLabel.set("\(host)/\(current)/python/package/agent.py", nil) == 0)
    try installation.install()
    #expect(FileLabel.get("\(host)/\(current)/python/package/agent.py") == label.context)
  }

  /// The program itself, where the kernel says that it has SELinux: in a mount namespace in which that is so.
  @Test(arguments: ["0", "1"]) func theProgramLabelsWhatItInstalls(enforcing: String) throws {
    let odiglet = Repository.path(".build/debug/odiglet")
    guard try canLabel(), access(odiglet, X_OK) == 0, system("unshare --mount true 2>/dev/null") == 0 else {
      print("skipped: no labels, no mount namespace or no \(odiglet) here")
      return
    }
    try scratch.write("image/python/package/agent.py", "x")
    func run(_ prelude: String) -> Int32 {
      let environment = "ODIGOS_AGENTS_DIR=\(scratch.path)/image ODIGOS_HOST_DIR=\(host)"
      return system("\(environment) unshare --mount sh -c '\(prelude) exec \(odiglet) init' 2>\(scratch.path)/log")
    }
    // As this kernel is.
    let hasSELinux = SELinuxLabel.ofNode() != nil
    #expect(run("") == 0)
    let path = "\(host)/\(try FileOperation.target(of: "\(host)/.current"))/python/package/agent.py"
    #expect((FileLabel.get(path) != nil) == hasSELinux)
    // And as one with SELinux, which finds a tree without labels.
    let prelude =
      "mount -t tmpfs tmpfs /sys/fs && mkdir /sys/fs/selinux && echo \(enforcing) >/sys/fs/selinux/enforce &&"
    #expect(run(prelude) == 0, "\(scratch.text("log") ?? "")")
    #expect(FileLabel.get(path) == "system_u:object_r:container_file_t:s0")
    #expect(FileLabel.get("\(host)/python") == "system_u:object_r:container_file_t:s0")
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
