import Glibc
import ProcessInspection
import TestSupport
import Testing

@testable import Odiglet

@Suite struct AgentInstallationTests: AgentFileSuite {
  let scratch: TemporaryDirectory

  init() throws {
    scratch = try TemporaryDirectory.withAgents()
    try scratch.write("image/python/bin/tool", "#!/bin/sh")
    chmod("\(scratch.path)/image/python/bin/tool", 0o700)
    try scratch.write("image/.stamp", "not an agent")
  }

  @Test func installsEverythingBehindRelativeLinks() throws {
    try install()
    #expect(scratch.text("host/python/agent.py") == "print('one')")
    #expect(scratch.text("host/python/main.py") == "print('one')")
    #expect(scratch.text("host/java/agent.jar") == "jar")
    #expect(try FileOperation.target(of: "\(host)/python") == ".current/python")
    #expect(try FileOperation.target(of: "\(host)/.current").hasPrefix(".versions/"))
    #expect(try FileOperation.names(in: host) == [".current", ".versions", "java", "python"])
    #expect(AgentInstallation.isPresent(in: host))
    // Containers see the directory elsewhere.
    rename(host, "\(scratch.path)/moved")
    #expect(scratch.text("moved/python/agent.py") == "print('one')")
  }

  @Test func letsEverybodyReadTheFiles() throws {
    try install()
    #expect(try FileOperation.status(of: "\(host)/python/bin/tool").st_mode & 0o777 == 0o744)
    #expect(try FileOperation.status(of: "\(host)/python/").st_mode & 0o777 == 0o755)
    #expect(try FileOperation.status(of: host).st_mode & 0o777 == 0o755)
  }

  @Test func keepsTheTimesOfTheFiles() throws {
    let times = [timespec(tv_sec: 1_577_836_800, tv_nsec: 0), timespec(tv_sec: 1_577_836_800, tv_nsec: 0)]
    utimensat(AT_FDCWD, "\(source)/python/agent.py", times, 0)
    try install()
    #expect(try FileOperation.status(of: "\(host)/python/agent.py").st_mtim.tv_sec == 1_577_836_800)
  }

  @Test func changesNothingTheSecondTime() throws {
    try install()
    let before = try FileOperation.status(of: "\(host)/python/agent.py")
    var lines: [String] = []
    try install { lines.append($0) }
    #expect(try FileOperation.status(of: "\(host)/python/agent.py").st_ino == before.st_ino)
    #expect(lines.contains { $0.contains("already") })
  }

  @Test func switchesToAnotherVersionAndKeepsTheOldOneWhileItIsUsed() throws {
    try install()
    let old = try FileOperation.target(of: "\(host)/.current")
    let open = open("\(host)/python/agent.py", O_RDONLY)
    defer { close(open) }
    try scratch.write("image/python/agent.py", "print('two')")
    try FileOperation.remove("\(source)/java")
    try scratch.write("image/node/agent.js", "js")
    try install()
    #expect(scratch.text("host/python/agent.py") == "print('two')")
    #expect(scratch.text("host/node/agent.js") == "js")
    #expect(!FileOperation.exists("\(host)/java"))
    #expect(scratch.text("host/\(old)/python/agent.py") == "print('one')")

    let installation = AgentInstallation(source: source, destination: host, report: { _ in })
    #expect(try installation.oldVersions() == [String(old.dropFirst(".versions/".count))])
    try scratch.write("proc/stat", "btime 1700000000\n")
    try installation.removeUnusedVersions(tree: proc)
    #expect(!FileOperation.exists("\(host)/\(old)"))
    #expect(scratch.text("host/python/agent.py") == "print('two')")
  }

  @Test func removesWhatNoProcessUses() throws {
    try install()
    try scratch.write("image/python/agent.py", "print('two')")
    try install()
    let installation = AgentInstallation(source: source, destination: host, report: { _ in })
    let old = try #require(try installation.oldVersions().first)
    try scratch.write("proc/stat", "btime 1700000000\n")
    try scratch.write("proc/7/maps", "7f00-7f01 r--p 0 8:1 2 /var/odigos/.versions/\(old)/python/x.so\n")
    try installation.removeUnusedVersions(tree: proc)
    #expect(try installation.oldVersions() == [old])
    try scratch.write("proc/7/maps", "7f00-7f01 r--p 0 8:1 2 /usr/lib/x.so\n")
    try installation.removeUnusedVersions(tree: proc)
    #expect(try installation.oldVersions() == [])
  }

  @Test func mendsWhatAnInterruptedInstallationLeft() throws {
    try install()
    let current = try FileOperation.target(of: "\(host)/.current")
    try scratch.write("host/\(current).partial/python/agent.py", "half")
    truncate("\(host)/\(current)/python/agent.py", 0)
    try install()
    #expect(scratch.text("host/python/agent.py") == "print('one')")
    #expect(try trees().count == 1)
  }

  @Test func replacesDirectoriesThatAreNoLinks() throws {
    try scratch.write("host/python/agent.py", "from elsewhere")
    try scratch.write("host/mine/file", "not ours")
    try install()
    #expect(scratch.text("host/python/agent.py") == "print('one')")
    #expect(scratch.text("host/mine/file") == "not ours")
  }

  @Test func tellsFilesOfTheSameSizeApart() throws {
    let first = try AgentTree(root: source).fingerprint()
    try scratch.write("image/java/agent.jar", "jaR")
    let second = try AgentTree(root: source).fingerprint()
    #expect(first != second)
    try scratch.write("image/java/agent.jar", "jar")
    #expect(try AgentTree(root: source).fingerprint() == first)
  }

  @Test func saysWhatIsMissing() throws {
    let none = #expect(throws: AgentInstallationError.self) {
      try AgentInstallation(source: "/nonexistent", destination: host, report: { _ in }).install()
    }
    #expect(none?.description.contains("ODIGOS_AGENTS_DIR") == true)
    mkdir("\(scratch.path)/empty", 0o755)
    let empty = #expect(throws: AgentInstallationError.self) {
      try AgentInstallation(source: "\(scratch.path)/empty", destination: host, report: { _ in }).install()
    }
    #expect(empty?.description.contains("is empty") == true)
    #expect(!AgentInstallation.isPresent(in: host))
  }

  @Test func saysThatTheDiskIsFull() throws {
    guard mountDisk("64k") else { return }
    defer { umount2(host, 0) }
    try scratch.write("image/python/large", String(repeating: "x", count: 1 << 20))
    let error = #expect(throws: AgentInstallationError.self) { try install() }
    #expect(error?.description.contains("is full") == true)
    #expect(try FileOperation.names(in: "\(host)/.versions") == [])
    #expect(!AgentInstallation.isPresent(in: host))
  }

  /// A disk that takes one version and the next only in its place.
  @Test(arguments: [false, true]) func oldVersionsThatNothingUsesMakeRoom(isUsed: Bool) throws {
    guard mountDisk("1500k") else { return }
    defer { umount2(host, 0) }
    var installation = AgentInstallation(source: source, destination: host, report: { _ in })
    installation.processes = proc
    try scratch.write("proc/stat", "btime 1700000000\n")
    for text in ["one", "two"] {
      try scratch.write("image/python/agent.py", text)
      try installation.install()
    }
    let old = try #require(try installation.oldVersions().first)
    try scratch.write("host/.versions/\(old)/python/large", String(repeating: "x", count: 1 << 20))
    let path = isUsed ? "/var/odigos/.versions/\(old)/python/x.so" : "/usr/lib/x.so"
    try scratch.write("proc/7/maps", "7f00-7f01 r--p 0 8:1 2 \(path)\n")
    try scratch.write("image/python/agent.py", "three")
    try scratch.write("image/python/large", String(repeating: "x", count: 1 << 20))
    if isUsed {
      let error = #expect(throws: AgentInstallationError.self) { try installation.install() }
      #expect(error?.description.contains("is full") == true)
    } else {
      try installation.install()
    }
    #expect(try installation.oldVersions().contains(old) == isUsed)
    #expect(scratch.text("host/python/agent.py") == (isUsed ? "two" : "three"))
  }

  @Test(arguments: [(ENOSPC, "full"), (EDQUOT, "full"), (EROFS, "write access"), (EACCES, "root")])
  func saysWhatToDo(code: Int32, words: String) {
    errno = code
    #expect(AgentInstallationError.system("write", "/x").description.contains(words))
  }
}
