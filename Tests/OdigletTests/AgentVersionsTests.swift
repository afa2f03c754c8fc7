import Glibc
import Policy
import ProcessInspection
import TestSupport
import Testing

@testable import Odiglet

/// What becomes of agent files while processes use them, and when an installation is cut short.
@Suite struct AgentVersionsTests {
  private let scratch: ScratchDirectory
  private var host: String { "\(scratch.path)/host" }
  private var proc: ProcessTree { ProcessTree(root: "\(scratch.path)/proc") }
  private var installation: AgentInstallation {
    AgentInstallation(source: "\(scratch.path)/image", destination: host, report: { _ in })
  }

  init() throws { scratch = try ScratchDirectory() }

  /// Installs a version and says that it was activated then; answers its name.
  private func install(_ text: String, at time: Int) throws -> String {
    try scratch.write("image/python/agent.py", text)
    try installation.install()
    let target = try FileOperation.target(of: "\(host)/.current")
    let times = [timespec(tv_sec: time, tv_nsec: 0), timespec(tv_sec: time, tv_nsec: 0)]
    utimensat(AT_FDCWD, "\(host)/\(target)", times, 0)
    return String(target.dropFirst(".versions/".count))
  }

  /// A process that started then, in seconds after the kernel.
  private func start(_ pid: Int, at time: Int, mount: String? = "/var/odigos /var/odigos ro", name: String = "python3")
    throws
  {
    try scratch.write("proc/stat", "cpu 1\nbtime 1000\n")
    let ticks = (time - 1000) * sysconf(Int32(_SC_CLK_TCK))
    let zeros = Array(repeating: "0", count: 17).joined(separator: " ")
    try scratch.write("proc/\(pid)/stat", "\(pid) (\(name)) S 1 \(zeros) \(ticks) 0\n")
    let agents = mount.map { "36 35 8:1 \($0) - ext4 /dev/sda rw\n" } ?? ""
    try scratch.write("proc/\(pid)/mountinfo", "35 1 0:5 / / rw - overlay overlay rw\n" + agents)
    try scratch.write("proc/\(pid)/maps", "")
    try scratch.write("proc/\(pid)/cgroup", "0::/kubepods/pod\(String(repeating: "1", count: 32))/\(Self.containerID)")
  }

  private static let containerID = String(repeating: "ab", count: 32)

  @Test func keepsTheFilesThatAProcessMayStillRead() throws {
    let first = try install("one", at: 2000)
    let second = try install("two", at: 3000)
    let third = try install("three", at: 4000)
    // It maps nothing of its agent, as an interpreter does, and came while the second was current.
    try start(7, at: 3500)
    try installation.removeUnusedVersions(tree: proc)
    #expect(try installation.oldVersions() == [second])
    #expect(!FileOperation.exists("\(host)/.versions/\(first)"))
    // A newer process in its place.
    try start(7, at: 4500)
    try installation.removeUnusedVersions(tree: proc)
    #expect(try installation.oldVersions() == [] && FileOperation.exists("\(host)/.versions/\(third)"))
  }

  @Test func keepsBothVersionsOfAStartThatIsTooNearToAnUpgrade() throws {
    let first = try install("one", at: 2000)
    _ = try install("two", at: 3000)
    try start(7, at: 3001)
    try installation.removeUnusedVersions(tree: proc)
    #expect(try installation.oldVersions() == [first])
  }

  @Test func keepsEverythingForAProcessThatIsOlderThanAllOfIt() throws {
    _ = try install("one", at: 2000)
    _ = try install("two", at: 3000)
    try start(7, at: 1500)
    try installation.removeUnusedVersions(tree: proc)
    #expect(try installation.oldVersions().count == 1)
  }

  static let others: [(what: String, mount: String?, name: String)] = [
    ("no mount", nil, "nginx"), ("another mount", "/var/odigos /mnt/agents ro", "backup"),
    ("a copy of its own", "/kubelet/pods/1/volumes/kubernetes.io~empty-dir/odigos-agent /var/odigos rw", "python3"),
    ("the node agent", "/var/odigos /var/odigos rw", "odiglet"),
  ]

  @Test(arguments: others) func otherProcessesKeepNothing(_ other: (what: String, mount: String?, name: String)) throws
  {
    _ = try install("one", at: 2000)
    _ = try install("two", at: 3000)
    try start(7, at: 2500, mount: other.mount, name: other.name)
    try installation.removeUnusedVersions(tree: proc)
    #expect(try installation.oldVersions() == [], "\(other.what)")
  }

  /// Without the right to look into other processes, and where AppArmor denies it.
  @Test func hiddenMapsKeepOnlyWhatAStartTells() throws {
    func hide(_ pid: Int) {
      unlink("\(scratch.path)/proc/\(pid)/maps")
      // Not even root may read what can only be written.
      symlink("/sys/bus/platform/drivers_probe", "\(scratch.path)/proc/\(pid)/maps")
    }
    let first = try install("one", at: 2000)
    _ = try install("two", at: 3000)
    try start(7, at: 2500, mount: nil, name: "nginx")
    try start(8, at: 2500)
    for pid in [7, 8] { hide(pid) }
    try installation.removeUnusedVersions(tree: proc)
    #expect(try installation.oldVersions() == [first])
    try start(8, at: 3500)
    hide(8)
    try installation.removeUnusedVersions(tree: proc)
    #expect(try installation.oldVersions() == [])
  }

  @Test func keepsEverythingWhereTheTimeIsNotKnown() throws {
    _ = try install("one", at: 2000)
    _ = try install("two", at: 3000)
    try start(7, at: 3500)
    try scratch.write("proc/stat", "cpu 1\n")
    try installation.removeUnusedVersions(tree: proc)
    #expect(try installation.oldVersions().count == 1)
  }

  @Test func anUpgradeIsNotedOnceAndNothingAtAll() throws {
    let name = try install("one", at: 2000)
    try installation.install()
    #expect(try FileOperation.status(of: "\(host)/.versions/\(name)").st_mtim.tv_sec == 2000)
    _ = try install("two", at: 3000)
    try scratch.write("image/python/agent.py", "one")
    let before = time(nil)
    try installation.install()
    // Back to the first one: current from now on.
    #expect(try FileOperation.status(of: "\(host)/.versions/\(name)").st_mtim.tv_sec >= before)
  }

  /// A real process that has mapped a file of a version, and then none.
  @Test func keepsWhatARealProcessHasMapped() throws {
    try scratch.write("image/lib/a.so", String(repeating: "x", count: 8192))
    let old = try install("one", at: 2000)
    let program = """
      import mmap, sys
      file = open(sys.argv[1])
      mapped = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
      print("mapped", flush=True)
      sys.stdin.read()
      """
    let child = try ChildProcess(["/usr/bin/python3", "-c", program, "\(host)/.versions/\(old)/lib/a.so"])
    #expect(child.line() == "mapped")
    _ = try install("two", at: 3000)
    // This process alone: others may not let themselves be looked into.
    try scratch.write("proc/stat", "btime 1000\n")
    symlink("/proc/\(child.pid)", "\(scratch.path)/proc/\(child.pid)")
    try installation.removeUnusedVersions(tree: proc)
    #expect(try installation.oldVersions() == [old])
    child.end()
    try installation.removeUnusedVersions(tree: proc)
    #expect(try installation.oldVersions() == [])
  }

  // MARK: - Cut short

  private static var odiglet: String { Repository.path(".build/debug/odiglet") }

  /// Whatever is on the disk when the installing process is killed, what containers see is whole.
  @Test func aKilledInstallationLeavesWhatWasThere() async throws {
    guard access(Self.odiglet, X_OK) == 0 else {
      print("skipped: there is no \(Self.odiglet); swift build makes it")
      return
    }
    func fill(_ text: String) throws {
      for directory in 0..<10 {
        for file in 0..<60 {
          try scratch.write("image/python/\(directory)/\(file).py", "\(text) \(directory) \(file)")
        }
      }
    }
    func content() -> String? { scratch.text("host/python/9/59.py") }
    let environment = [
      "ODIGOS_AGENTS_DIR=\(scratch.path)/image", "ODIGOS_HOST_DIR=\(host)", "ODIGOS_PROC_DIR=\(scratch.path)/none",
    ]
    var killed = 0
    var installed: String?
    for round in 0..<8 {
      try fill("version \(round)")
      let tree = try AgentTree(root: "\(scratch.path)/image")
      let partial = "\(host)/.versions/\(try tree.fingerprint()).partial"
      let child = try ChildProcess([Self.odiglet, "init"], environment: environment)
      // Each time a little later: before the first file, in the middle, at the end.
      let enough = "\(partial)/python/\(round)"
      try await eventually("the copy") { round == 0 || FileOperation.exists(enough) || child.hasEnded }
      killed += child.kill() ? 1 : 0
      let current = try? FileOperation.target(of: "\(host)/.current")
      if let current {
        let now = try #require(content())
        #expect(now == "version \(round) 9 59" || now == installed.map { "\($0) 9 59" })
        #expect(try AgentTree(root: "\(host)/\(current)").fileCount == 600)
        if now == "version \(round) 9 59" { installed = "version \(round)" }
      } else {
        #expect(installed == nil && content() == nil)
      }
      if round % 4 == 3 {
        try installation.install()
        installed = "version \(round)"
        #expect(content() == "version \(round) 9 59")
        // Nothing half-written is left, and everything old can go.
        _ = try installation.removeOldVersions { _ in false }
        #expect(try FileOperation.names(in: "\(host)/.versions").count == 1)
      }
    }
    #expect(killed > 0)
  }
}

/// A child of the test, with its standard input and output.
private final class ChildProcess {
  struct Failure: Error { var code: Int32 }
  let pid: pid_t
  private let input: Int32
  private let output: Int32
  private var status: Int32?

  init(_ arguments: [String], environment: [String] = []) throws {
    var downward: [Int32] = [-1, -1]
    var upward: [Int32] = [-1, -1]
    guard pipe(&downward) == 0, pipe(&upward) == 0 else { throw Failure(code: errno) }
    for end in downward + upward { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, downward[0], 0)
    posix_spawn_file_actions_adddup2(&actions, upward[1], 1)
    var words = arguments.map { strdup($0) } + [nil]
    var variables = environment.map { strdup($0) } + [nil]
    defer { (words + variables).forEach { free($0) } }
    var pid: pid_t = 0
    let code = posix_spawn(&pid, arguments[0], &actions, nil, &words, &variables)
    close(downward[0])
    close(upward[1])
    (self.pid, input, output) = (pid, downward[1], upward[0])
    guard code == 0 else { throw Failure(code: code) }
  }

  deinit {
    end()
    close(output)
  }

  /// The first line that it writes.
  func line() -> String {
    var bytes: [UInt8] = []
    var byte: UInt8 = 0
    while read(output, &byte, 1) == 1, byte != 0x0A { bytes.append(byte) }
    return String(decoding: bytes, as: UTF8.self)
  }

  var hasEnded: Bool {
    if status != nil { return true }
    var code: Int32 = 0
    guard waitpid(pid, &code, WNOHANG) == pid else { return false }
    status = code
    return true
  }

  /// Kills it; whether it still ran.
  func kill() -> Bool {
    if hasEnded { return false }
    Glibc.kill(pid, SIGKILL)
    var code: Int32 = 0
    waitpid(pid, &code, 0)
    status = code
    return code & 0x7f == SIGKILL
  }

  /// Ends it.
  func end() {
    if status != nil { return }
    close(input)
    _ = kill()
  }
}
