import Concurrency
import Glibc
import Policy
import ProcessInspection
import TestSupport
import Testing

@testable import Odiglet

/// What becomes of agent files while processes use them.
@Suite struct AgentVersionsTests: AgentFileSuite {
  let scratch: TemporaryDirectory
  /// The kernel started at 1000.
  private let clock = Locked<NodeClock?>(NodeClock(boot: "first", uptime: 1000, bootTime: 1000))
  private var installation: AgentInstallation {
    AgentInstallation(
      source: source, destination: host, clock: { clock.withLock { $0 } }, report: { _ in })
  }

  init() throws { scratch = try TemporaryDirectory() }

  /// Installs a version at that time; answers its name.
  @discardableResult private func install(_ text: String, at time: Int) throws -> String {
    try scratch.write("image/python/agent.py", text)
    clock.withLock { $0?.uptime = time - 1000 }
    try installation.install()
    return String(try FileOperation.target(of: "\(host)/.current").dropFirst(".versions/".count))
  }

  private func removeUnused() throws { try installation.removeUnusedVersions(tree: proc) }

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
    try removeUnused()
    #expect(try installation.oldVersions() == [second])
    #expect(!FileOperation.exists("\(host)/.versions/\(first)"))
    // A newer process in its place.
    try start(7, at: 4500)
    try removeUnused()
    #expect(try installation.oldVersions() == [] && FileOperation.exists("\(host)/.versions/\(third)"))
  }

  @Test func keepsBothVersionsOfAStartThatIsTooNearToAnUpgrade() throws {
    let first = try install("one", at: 2000)
    _ = try install("two", at: 3000)
    try start(7, at: 3001)
    try removeUnused()
    #expect(try installation.oldVersions() == [first])
  }

  @Test func keepsEverythingForAProcessThatIsOlderThanAllOfIt() throws {
    _ = try install("one", at: 2000)
    _ = try install("two", at: 3000)
    try start(7, at: 1500)
    try removeUnused()
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
    try removeUnused()
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
    try removeUnused()
    #expect(try installation.oldVersions() == [first])
    try start(8, at: 3500)
    hide(8)
    try removeUnused()
    #expect(try installation.oldVersions() == [])
  }

  @Test func keepsEverythingWhereTheTimeIsNotKnown() throws {
    _ = try install("one", at: 2000)
    _ = try install("two", at: 3000)
    try start(7, at: 3500)
    try scratch.write("proc/stat", "cpu 1\n")
    try removeUnused()
    #expect(try installation.oldVersions().count == 1)
  }

  /// The list says nothing of trees that were never current.
  @Test func whatWasNeverCurrentStandsForNothing() throws {
    let first = try install("one", at: 2000)
    try scratch.write("host/.versions/00aa.partial/python/agent.py", "half")
    try scratch.write("host/.versions/00bb/python/agent.py", "killed before it was made the current one")
    try scratch.write("host/.versions/replaced-python/agent.py", "copied there in another way")
    let second = try install("two", at: 4000)
    try start(7, at: 3500)
    try removeUnused()
    #expect(try installation.oldVersions() == [first])
    #expect(try trees() == [first, second].sorted())
  }

  /// Someone goes back to the version of before, and then on.
  @Test func keepsWhatAProcessOfAnEarlierPeriodMayRead() throws {
    let zeroth = try install("zero", at: 2000)
    let first = try install("one", at: 3000)
    let second = try install("two", at: 4000)
    #expect(try install("one", at: 5000) == first)
    let third = try install("three", at: 6000)
    try start(7, at: 3500)
    try removeUnused()
    #expect(try trees() == [first, third].sorted(), "not \(zeroth) or \(second)")
  }

  @Test func aRepairIsNoActivation() throws {
    let first = try install("one", at: 2000)
    let second = try install("two", at: 3000)
    unlink("\(host)/python/agent.py")
    #expect(try install("two", at: 9000) == second)
    try start(7, at: 3500)
    #expect(try install("three", at: 9500) != second)
    try removeUnused()
    #expect(try installation.oldVersions() == [second], "not \(first)")
  }

  @Test func keepsEverythingThatAnEarlierReleaseHasInstalled() throws {
    let first = try install("one", at: 2000)
    unlink("\(host)/.versions/.activations")
    let second = try install("two", at: 3000)
    try start(7, at: 2500)
    try removeUnused()
    #expect(try trees() == [first, second].sorted())
    // One that came later uses none of those.
    try start(7, at: 3500)
    try removeUnused()
    #expect(try trees() == [second])
  }

  @Test(arguments: ["", "first\n", "first x 00aa\n", "first 1000 00aa"]) func keepsEverythingWithoutAList(
    _ text: String
  )
    throws
  {
    try install("one", at: 2000)
    try install("two", at: 3000)
    try scratch.write("host/.versions/.activations", text)
    try start(7, at: 3500)
    try removeUnused()
    #expect(try installation.oldVersions().count == 1)
  }

  @Test func keepsEverythingWhereTheKernelDoesNotSayWhichRunItIs() throws {
    clock.withLock { $0 = nil }
    try install("one", at: 2000)
    try install("two", at: 3000)
    try start(7, at: 3500)
    try removeUnused()
    #expect(try installation.oldVersions().count == 1 && !FileOperation.exists("\(host)/.versions/.activations"))
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
    let child = try LineProcess("/usr/bin/python3", ["-c", program, "\(host)/.versions/\(old)/lib/a.so"])
    #expect(try child.line() == "mapped")
    _ = try install("two", at: 3000)
    // This process alone: others may not let themselves be looked into.
    try scratch.write("proc/stat", "btime 1000\n")
    symlink("/proc/\(child.pid)", "\(scratch.path)/proc/\(child.pid)")
    try removeUnused()
    #expect(try installation.oldVersions() == [old])
    child.end()
    try removeUnused()
    #expect(try installation.oldVersions() == [])
  }
}
