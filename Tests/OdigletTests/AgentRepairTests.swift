import Glibc
import TestSupport
import Testing

@testable import Odiglet

/// Mending agent files that containers are using, with and without room on the disk.
@Suite struct AgentRepairTests: AgentFileSuite {
  let scratch: TemporaryDirectory

  init() throws {
    scratch = try TemporaryDirectory.withAgents()
    try scratch.write("image/python/package/module.py", "print('two')")
  }

  /// Writes until there is no room left.
  private func fillDisk() {
    let file = open("\(host)/filler", O_WRONLY | O_CREAT | O_TRUNC, 0o644)
    defer { close(file) }
    let block = [UInt8](repeating: 0, count: 4096)
    while write(file, block, block.count) > 0 {}
  }

  @Test func takesNothingAwayWhileItMends() throws {
    try install()
    let before = try FileOperation.status(of: "\(host)/java/agent.jar").st_ino
    unlink("\(host)/python/agent.py")
    var lines = 0
    try install { line in
      lines += 1
      #expect(scratch.text("host/java/agent.jar") == "jar", "\(line)")
      #expect(scratch.text("host/python/package/module.py") == "print('two')", "\(line)")
    }
    #expect(lines > 1 && scratch.text("host/python/agent.py") == "print('one')")
    #expect(try FileOperation.status(of: "\(host)/java/agent.jar").st_ino == before, "it was not touched")
    #expect(try AgentTree(root: source).entries.count == AgentTree(root: "\(host)/.current/.").entries.count)
  }

  @Test func aFullDiskCostsNoFileThatIsThere() throws {
    for file in 0..<300 { try scratch.write("image/python/many/\(file).py", String(repeating: "x", count: 8000)) }
    guard mountDisk("4m") else { return }
    defer { umount2(host, 0) }
    try install()
    unlink("\(host)/python/many/7.py")
    fillDisk()
    let error = #expect(throws: AgentInstallationError.self) { try install() }
    #expect(error?.description.contains("is full") == true)
    #expect(try FileOperation.names(in: "\(host)/python/many/").count == 299)
    #expect(AgentInstallation.isPresent(in: host))
    // A file's room is enough: it need not be that of all of them.
    truncate("\(host)/filler", try FileOperation.status(of: "\(host)/filler").st_size - (5 << 12))
    try install()
    #expect(try FileOperation.names(in: "\(host)/python/many/").count == 300)
  }

  @Test func needsNoRoomWhereNothingIsWrong() throws {
    guard mountDisk("1m") else { return }
    defer { umount2(host, 0) }
    try install()
    fillDisk()
    try install()
    #expect(scratch.text("host/python/agent.py") == "print('one')")
  }

  @Test func whatAKilledUpgradeLeftMakesRoomForTheNext() throws {
    try scratch.write("image/python/large", String(repeating: "x", count: 1 << 20))
    guard mountDisk("2m") else { return }
    defer { umount2(host, 0) }
    try scratch.write("host/.versions/0123456789abcdef.partial/python/large", String(repeating: "y", count: 3 << 19))
    try install()
    #expect(try FileOperation.status(of: "\(host)/python/large").st_size == 1 << 20)
    #expect(try FileOperation.names(in: "\(host)/.versions").filter { $0.hasSuffix(".partial") } == [])
  }

  enum Damage: CaseIterable {
    case directoryForFile
    case fileForDirectory
    case fileForLink
    case linkForDirectory
    case treeGone
    case unreadable
    case moreThanThereWas
    case fileForTree
  }

  @Test(arguments: Damage.allCases) func mends(_ damage: Damage) throws {
    try install()
    let tree = "\(host)/\(try FileOperation.target(of: "\(host)/.current"))"
    switch damage {
    case .directoryForFile:
      unlink("\(tree)/python/agent.py")
      try scratch.write("host/python/agent.py/deep/file", "x")
    case .fileForDirectory:
      try FileOperation.remove("\(tree)/python/package")
      try scratch.write("host/python/package", "x")
    case .fileForLink:
      unlink("\(tree)/python/main.py")
      try scratch.write("host/python/main.py", "x")
    case .linkForDirectory:
      try FileOperation.remove("\(tree)/python/package")
      symlink("/etc", "\(tree)/python/package")
    case .treeGone: try FileOperation.remove("\(tree)/python")
    case .unreadable:
      for path in ["python/agent.py", "python/package/module.py", "python/package", "python"] {
        chmod("\(tree)/\(path)", 0)
      }
    case .moreThanThereWas:
      try scratch.write("host/python/more/file", "x")
      try scratch.write("host/python/package/more.py", "x")
    case .fileForTree:
      try FileOperation.remove(tree)
      try scratch.write(String(tree.dropFirst(scratch.path.count + 1)), "x")
    }
    try install()
    let wanted = try AgentTree(root: source)
    #expect(wanted.isComplete(at: tree))
    #expect(try AgentTree(root: tree).entries.map(\.path) == wanted.entries.map(\.path))
    #expect(scratch.text("host/python/main.py") == "print('one')")
    #expect(scratch.text("host/python/package/module.py") == "print('two')")
    #expect(try FileOperation.status(of: "\(host)/python/agent.py").st_mode & 0o777 == 0o644)
    #expect(try trees().count == 1)
  }
}
