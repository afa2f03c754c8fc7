import Concurrency
import Glibc
import ProcessInspection
import TestSupport
import Testing

@testable import Odiglet

/// Installing and removing while something holds the lock: any container can hold that of what it has mounted.
@Suite struct InstallationLockTests: AgentFileSuite {
  let scratch: TemporaryDirectory

  init() throws {
    scratch = try TemporaryDirectory()
    for file in 0..<50 { try scratch.write("image/python/\(file).py", "\(file)") }
    mkdir("\(scratch.path)/host", 0o755)
    mkdir("\(scratch.path)/plugins", 0o755)
  }

  /// Holds the lock of a directory as one that may only read it can, until the answer is closed.
  private func hold(_ directory: String) -> Int32 {
    let held = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    #expect(held >= 0 && flock(held, LOCK_SH | LOCK_NB) == 0)
    return held
  }

  private func installation(_ bound: Duration, _ report: @escaping (String) -> Void = { _ in }) -> AgentInstallation {
    AgentInstallation(source: source, destination: host, lockBound: bound, report: report)
  }

  @Test func installsThoughTheLockIsNeverFree() throws {
    let held = hold(host)
    defer { close(held) }
    var lines: [String] = []
    try installation(.milliseconds(200)) { lines.append($0) }.install()
    #expect(scratch.text("host/python/7.py") == "7")
    #expect(lines.filter { $0.contains("waiting for it") }.count == 1, "\(lines)")
    #expect(lines.contains { $0.contains("going on without it") })
    unlink("\(host)/python/7.py")
    try installation(.zero).install()
    #expect(scratch.text("host/python/7.py") == "7")
  }

  @Test func removesNothingWithoutTheLock() throws {
    try installation(.zero).install()
    try scratch.write("image/python/7.py", "seven")
    try scratch.write("proc/stat", "btime 1000\n")
    try scratch.write("host/.versions/0a.partial/file", "somebody may be writing it")
    let held = hold(host)
    try installation(.zero).install()
    #expect(throws: AgentInstallationError.self) {
      try installation(.zero).removeUnusedVersions(tree: proc)
    }
    #expect(try installation(.zero).oldVersions().count == 1 && scratch.text("host/.versions/0a.partial/file") != nil)
    close(held)
    try installation(.zero).removeUnusedVersions(tree: proc)
    #expect(try installation(.zero).oldVersions() == [] && scratch.text("host/.versions/0a.partial/file") == nil)
  }

  @Test func saysThatAnotherInstalls() throws {
    let held = hold(host)
    defer { close(held) }
    var installation = installation(.zero)
    installation.goesOnWithoutLock = false
    let error = #expect(throws: AgentInstallationError.self) { try installation.install() }
    #expect(error?.description.contains("another process is installing") == true)
    #expect(!AgentInstallation.isPresent(in: host))
  }

  /// Containers see the agents' directory, not that of the device plugins.
  @Test func whatContainersHoldIsNoMatterBesideTheKubeletsDirectory() throws {
    let plugins = "\(scratch.path)/plugins"
    #expect(InstallationLock.directory(plugins: plugins, agents: host) == plugins)
    #expect(InstallationLock.directory(plugins: "\(scratch.path)/none", agents: host) == host)
    let held = hold(host)
    defer { close(held) }
    var installation = installation(.seconds(60))
    installation.lockDirectory = plugins
    installation.goesOnWithoutLock = false
    try installation.install()
    #expect(scratch.text("host/python/7.py") == "7")
  }

  /// All that several at once, without a lock, do to each other is the same work.
  @Test func severalWithoutTheLockAgree() async throws {
    let held = hold(host)
    defer { close(held) }
    for _ in 0..<5 {
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<4 {
          group.addTask { [scratch, host] in
            try AgentInstallation(
              source: "\(scratch.path)/image", destination: host, lockBound: .zero, report: { _ in }
            ).install()
          }
        }
        try await group.waitForAll()
      }
      #expect(try AgentTree(root: source).isComplete(at: "\(host)/.current/."))
      #expect(try FileOperation.names(in: host) == [".current", ".versions", "python"])
      try empty(.zero)
    }
  }

  // MARK: - Removal

  private func empty(_ lockBound: Duration) throws(AgentInstallationError) {
    try AgentRemoval.empty(host, lockDirectory: host, lockBound: lockBound, within: .seconds(30))
  }

  @Test func removesThoughTheLockIsNeverFree() throws {
    try installation(.zero).install()
    let held = hold(host)
    defer { close(held) }
    try empty(.milliseconds(200))
    #expect(try FileOperation.names(in: host) == [])
  }

  /// Somebody writes into what is being removed, for a while.
  @Test func removesBesideOneWhoWrites() async throws {
    let isOver = Locked(false)
    let writer = Task.detached { [scratch] in
      for file in 0..<3000 where !isOver.withLock({ $0 }) { try? scratch.write("host/python/deep/\(file)", "x") }
    }
    let started = { FileOperation.exists("\(host)/python/deep") }
    try await eventually("the first file") { started() }
    try empty(.zero)
    isOver.withLock { $0 = true }
    await writer.value
    try empty(.zero)
    #expect(try FileOperation.names(in: host) == [])
  }

  @Test func whatCannotBeRemovedIsToldAndKeepsNothingElse() throws {
    try installation(.zero).install()
    mkdir("\(host)/.aside", 0o755)
    guard mount("tmpfs", "\(host)/.aside", "tmpfs", 0, nil) == 0 else {
      print("skipped: nothing can be mounted here (errno \(errno))")
      return
    }
    defer { umount2("\(host)/.aside", 0) }
    let error = #expect(throws: AgentInstallationError.self) {
      try empty(.zero)
    }
    #expect(error?.code == EBUSY && error?.description.contains(".aside") == true)
    #expect(try FileOperation.names(in: host) == [".aside"])
  }
}
