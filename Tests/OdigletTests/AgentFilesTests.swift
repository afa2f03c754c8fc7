import Concurrency
import EventLoop
import Glibc
import Logging
import ProcessInspection
import TestSupport
import Testing

@testable import Odiglet

@Suite struct AgentFilesCheckTests: AgentFileSuite {
  let scratch: TemporaryDirectory

  init() throws {
    scratch = try TemporaryDirectory.withAgents()
    try scratch.write("image/python/deep/er/still.py", "print('two')")
    try scratch.write("image/.stamp", "not an agent")
  }

  @Test func isContentWithWhatWasInstalled() throws {
    try install()
    var check = AgentFilesCheck(source: source, destination: host)
    #expect(check.problem() == nil)
    #expect(!check.isDirectoryGone)
    let watched = Set(check.watchedDirectories.map { String($0.dropFirst(host.count)) })
    #expect(watched == ["", "/.versions", "/.current", "/.current/java", "/.current/python"])
  }

  enum Damage: String, CaseIterable {
    case nothingInstalled = "there are no agent files in "
    case currentLeadsNowhere = "there are no agent files in"
    case fileGone = "python/deep/er/still.py is missing"
    case directoryGone = "python/deep is missing"
    case fileShort = "java/agent.jar has 1 bytes instead of 3"
    case linkElsewhere = "python/main.py leads to other.py"
    case fileIsDirectory = "java/agent.jar is no longer what it was"
    case nameGone = "host/python does not lead to the agent"
    case fileOfOneUser = "java/agent.jar has the permissions 600 instead of 644"
    case directoryOfOneUser = "python/deep has the permissions 700 instead of 755"
    case versionOfOneUser = "/.current may not be read by everybody"
    case nodeDirectoryOfOneUser = "/host may not be read by everybody"
    case versionsOfOneUser = "/.versions may not be read by everybody"
  }

  @Test(arguments: Damage.allCases) func saysWhatIsBroken(_ damage: Damage) throws {
    if damage != .nothingInstalled { try install() }
    switch damage {
    case .nothingInstalled: mkdir(host, 0o755)
    case .currentLeadsNowhere:
      try FileOperation.replaceLink("\(host)/.current", to: ".versions/none", by: "\(host)/.new")
    case .fileGone: unlink("\(host)/python/deep/er/still.py")
    case .directoryGone: try FileOperation.remove("\(host)/.current/python/deep")
    case .fileShort: try scratch.write("host/java/agent.jar", "j")
    case .linkElsewhere:
      try FileOperation.replaceLink("\(host)/.current/python/main.py", to: "other.py", by: "\(host)/.new")
    case .fileIsDirectory:
      unlink("\(host)/java/agent.jar")
      mkdir("\(host)/java/agent.jar", 0o755)
    case .nameGone: unlink("\(host)/python")
    case .fileOfOneUser: chmod("\(host)/java/agent.jar", 0o600)
    case .directoryOfOneUser: chmod("\(host)/python/deep", 0o700)
    case .versionOfOneUser: chmod("\(host)/.current/", 0o700)
    case .nodeDirectoryOfOneUser: chmod(host, 0o700)
    case .versionsOfOneUser: chmod("\(host)/.versions", 0o700)
    }
    var check = AgentFilesCheck(source: source, destination: host)
    let problem = check.problem()
    #expect(problem?.contains(damage.rawValue) == true, "\(problem ?? "no problem")")
    // What puts it right is the installation.
    try install()
    #expect(check.problem() == nil)
  }

  @Test func leavesTheFilesOfAnotherVersionAlone() throws {
    try install()
    var check = AgentFilesCheck(source: source, destination: host)
    #expect(check.problem() == nil)
    try scratch.write("newer/python/agent.py", "print('three')")
    try AgentInstallation(source: "\(scratch.path)/newer", destination: host, report: { _ in }).install()
    #expect(check.problem() == nil)
    try FileOperation.remove("\(host)/.current")
    #expect(check.problem() != nil)
  }

  @Test func needsOnlyPresenceWhereTheImageHasNone() throws {
    try install()
    var check = AgentFilesCheck(source: "\(scratch.path)/none", destination: host)
    #expect(check.problem() == nil)
    try FileOperation.remove(host)
    #expect(check.problem() != nil)
  }
}

@Suite struct AgentFilesMonitorTests {
  @Test func clearsOldVersionsAwayAsItStarts() async throws {
    let scratch = try TemporaryDirectory()
    let installation = AgentInstallation(
      source: "\(scratch.path)/image", destination: "\(scratch.path)/host", report: { _ in })
    for text in ["one", "two"] {
      try scratch.write("image/python/agent.py", text)
      try installation.install()
    }
    try scratch.write("proc/stat", "btime 1000\n")
    let loop = try EventLoop(name: "files-test")
    defer { loop.shutdown() }
    let monitor = AgentFilesMonitor(
      source: "\(scratch.path)/image", destination: "\(scratch.path)/host",
      tree: ProcessTree(root: "\(scratch.path)/proc"), loop: loop,
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, report: { _ in })
    #expect(try installation.oldVersions().count == 1)
    let task = Task { await monitor.run() }
    try await eventually("the end of the first") { try installation.oldVersions().isEmpty }
    task.cancel()
    await task.value
  }

  @Test func workThatDoesNotEndKeepsNothingFromBeingMended() async throws {
    let scratch = try TemporaryDirectory()
    let installation = AgentInstallation(
      source: "\(scratch.path)/image", destination: "\(scratch.path)/host", report: { _ in })
    for text in ["one", "two"] {
      try scratch.write("image/python/agent.py", text)
      try installation.install()
    }
    // The first is in use, which is said under the lock.
    let old = try #require(try installation.oldVersions().first)
    try scratch.write("proc/stat", "btime 1000\n")
    try scratch.write("proc/7/mountinfo", "")
    try scratch.write("proc/7/maps", "7f0-7f1 r-xp 0 8:1 1 /var/odigos/.versions/\(old)/python/agent.so\n")
    let obstacle = StuckLog(word: "keeping")
    defer { obstacle.remove() }
    let loop = try EventLoop(name: "files-test")
    defer { loop.shutdown() }
    let told = Locked<[String?]>([])
    let monitor = AgentFilesMonitor(
      source: "\(scratch.path)/image", destination: "\(scratch.path)/host", lockBound: .milliseconds(1),
      tree: ProcessTree(root: "\(scratch.path)/proc"), loop: loop, logger: Logger(label: "test") { _ in obstacle },
      patience: .milliseconds(100)
    ) { problem in told.withLock { $0.append(problem) } }
    let task = Task { await monitor.run() }
    try await eventually("the removal hangs") { obstacle.isStuck }
    unlink("\(scratch.path)/host/python/agent.py")
    try await eventually("the repair") { scratch.text("host/python/agent.py") == "two" }
    try await eventually("the news") { told.withLock { $0.count >= 3 && $0.last == .some(nil) } }
    #expect(try installation.oldVersions() == [old])
    task.cancel()
    await task.value
  }

  @Test(arguments: [false, true]) func putsBrokenFilesBackAndTellsBoth(isLocked: Bool) async throws {
    let scratch = try TemporaryDirectory()
    try scratch.write("image/python/agent.py", "print('one')")
    let loop = try EventLoop(name: "files-test")
    defer { loop.shutdown() }
    let told = Locked<[String?]>([])
    // Somebody who does not let go of the lock holds nothing up for ever.
    mkdir("\(scratch.path)/host", 0o755)
    let lock = isLocked ? open("\(scratch.path)/host", O_RDONLY | O_DIRECTORY) : -1
    defer { if isLocked { close(lock) } }
    if isLocked { #expect(flock(lock, LOCK_SH) == 0) }
    let monitor = AgentFilesMonitor(
      source: "\(scratch.path)/image", destination: "\(scratch.path)/host", lockBound: .milliseconds(1),
      tree: ProcessTree(root: "/proc"), loop: loop, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    ) { problem in told.withLock { $0.append(problem) } }
    let task = Task { await monitor.run() }
    // Nothing is installed at first.
    try await eventually("the installation") { told.withLock { $0.last == .some(nil) } }
    #expect(told.withLock { $0.first ?? nil }?.contains("there are no agent files") == true)
    #expect(scratch.text("host/python/agent.py") == "print('one')")

    unlink("\(scratch.path)/host/python/agent.py")
    try await eventually("the repair") { scratch.text("host/python/agent.py") == "print('one')" }
    try await eventually("the news") { told.withLock { $0.count >= 4 && $0.last == .some(nil) } }
    #expect(told.withLock { $0.contains("python/agent.py is missing") })
    task.cancel()
    await task.value
  }
}

/// Lets nobody go who logs a certain word, until it is removed.
private struct StuckLog: LogHandler {
  var metadata: Logger.Metadata = [:]
  var logLevel = Logger.Level.trace
  let word: String
  private let gate = Gate()

  init(word: String) { self.word = word }

  var isStuck: Bool { gate.count.withLock { $0 > 0 } }

  func remove() { gate.open() }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    if event.message.description.contains(word) { gate.pass() }
  }

  private final class Gate: Sendable {
    let count = Locked(0)
    private let descriptors: (read: Int32, write: Int32)

    init() {
      var ends: [Int32] = [-1, -1]
      _ = pipe(&ends)
      descriptors = (ends[0], ends[1])
    }

    func pass() {
      count.withLock { $0 += 1 }
      var byte: UInt8 = 0
      _ = read(descriptors.read, &byte, 1)
    }

    func open() { close(descriptors.write) }

    deinit { close(descriptors.read) }
  }
}
