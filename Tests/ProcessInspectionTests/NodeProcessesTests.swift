import Glibc
import TestSupport
import Testing

@testable import ProcessInspection

@Suite struct NodeProcessesTests {
  private static let uid = "0b2ccd91-3bd6-4b2c-9d54-3d0d0a4e58a1"
  private static let container = String(repeating: "ab", count: 32)
  private static let other = String(repeating: "cd", count: 32)
  private static func cgroup(_ id: String) -> String { "5:pids:/kubepods/burstable/pod\(uid)/\(id)\n" }

  private static let key = ContainerKey(id: container, podUID: uid, name: "app")

  @Test func listsTheProcessesOfContainers() throws {
    let fixture = try ProcessTreeFixture()
    try fixture.add(1, cgroup: "0::/init.scope\n")
    try fixture.add(30, cgroup: Self.cgroup(Self.container))
    try fixture.add(4, cgroup: Self.cgroup(Self.container))
    try fixture.add(31, cgroup: Self.cgroup(Self.other))
    try fixture.add(99)
    try fixture.write("uptime", "1 1")
    let processes = NodeProcesses(tree: fixture.tree)
    #expect(processes.processes(of: Self.key, now: .zero, freshness: .zero) == [4, 30])
    #expect(processes.processes(of: ContainerKey(id: Self.other), now: .zero, freshness: .zero) == [31])
    #expect(processes.processes(of: ContainerKey(id: "x"), now: .zero, freshness: .zero) == [])
    #expect(processes.count == 5)
    #expect(processes.containers(of: [4, 1, 31, 4711]) == [Self.container, Self.other])
  }

  @Test func looksAgainWhenWhatItKnowsIsOld() throws {
    let fixture = try ProcessTreeFixture()
    let processes = NodeProcesses(tree: fixture.tree)
    func now(_ seconds: Int) -> [Int32] {
      processes.processes(of: Self.key, now: .seconds(seconds), freshness: .seconds(1))
    }
    #expect(now(0) == [])
    try fixture.add(30, cgroup: Self.cgroup(Self.container))
    #expect(now(1) == [])
    #expect(now(2) == [30])
  }

  @Test func noticesNewProcessesInWatchedContainers() throws {
    let fixture = try ProcessTreeFixture()
    try fixture.add(30, executable: "/bin/sh", cgroup: Self.cgroup(Self.container))
    let processes = NodeProcesses(tree: fixture.tree)
    var now = Duration.zero
    func changes(_ watched: Set<String> = [Self.container]) -> Set<String> {
      now += .seconds(1)
      return processes.changes(in: watched, now: now)
    }
    // What there is at the start is no change.
    #expect(changes() == [])
    #expect(changes() == [])
    try fixture.add(31, cgroup: Self.cgroup(Self.container))
    try fixture.add(32, cgroup: Self.cgroup(Self.other))
    #expect(changes() == [Self.container])
    #expect(changes() == [])
    // What another look has found is told as well.
    try fixture.add(33, cgroup: Self.cgroup(Self.container))
    #expect(processes.processes(of: Self.key, now: now + .seconds(1), freshness: .zero) == [30, 31, 33])
    #expect(changes([Self.container, Self.other]) == [Self.container])
    fixture.removeProcess(31)
    #expect(changes() == [])
    #expect(processes.processes(of: Self.key, now: now, freshness: .zero) == [30, 33])
  }

  @Test func noticesAProcessThatBecomesAnotherProgram() throws {
    let fixture = try ProcessTreeFixture()
    let first = try fixture.program("a", [1])
    let second = try fixture.program("b", [2])
    try fixture.add(30, executable: first, cgroup: Self.cgroup(Self.container))
    let processes = NodeProcesses(tree: fixture.tree)
    #expect(processes.changes(in: [Self.container], now: .seconds(1)) == [])
    unlink("\(fixture.path)/30/exe")
    try fixture.link("30/exe", to: second)
    // Where events tell of programs, it is not asked for; it is not forgotten either.
    #expect(processes.changes(in: [Self.container], now: .seconds(2), isFull: false) == [])
    #expect(processes.changes(in: [Self.container], now: .seconds(2)) == [Self.container])
    #expect(processes.changes(in: [Self.container], now: .seconds(3)) == [])
  }

  /// The runtime starts a process and moves it into its cgroup then.
  @Test func readsTheContainerOfAYoungProcessAgain() throws {
    let fixture = try ProcessTreeFixture()
    try fixture.add(30, cgroup: "0::/\n")
    let processes = NodeProcesses(tree: fixture.tree)
    #expect(processes.changes(in: [Self.container], now: .zero) == [])
    try fixture.write("30/cgroup", Self.cgroup(Self.container))
    #expect(processes.changes(in: [Self.container], now: .seconds(1)) == [Self.container])
    // Those that have been elsewhere for long stay there.
    try fixture.add(31, cgroup: "0::/\n")
    #expect(processes.changes(in: [Self.container], now: .seconds(2)) == [])
    #expect(processes.changes(in: [Self.container], now: .seconds(20)) == [])
    try fixture.write("31/cgroup", Self.cgroup(Self.container))
    #expect(processes.changes(in: [Self.container], now: .seconds(21)) == [])
  }

  @Test func aNumberThatIsUsedAgainIsAnotherProcess() throws {
    let fixture = try ProcessTreeFixture()
    try fixture.add(30, cgroup: Self.cgroup(Self.container))
    let processes = NodeProcesses(tree: fixture.tree)
    #expect(processes.processes(of: Self.key, now: .zero, freshness: .zero) == [30])
    rename("\(fixture.path)/30", "\(fixture.path)/gone")
    try fixture.add(30, cgroup: Self.cgroup(Self.other))
    #expect(processes.processes(of: Self.key, now: .seconds(1), freshness: .zero) == [])
    #expect(processes.processes(of: ContainerKey(id: Self.other), now: .seconds(1), freshness: .zero) == [30])
  }

  /// The kernel forgets the directories of processes when it needs memory, and numbers them anew.
  @Test func aDirectoryThatWasForgottenIsNoNewProcess() throws {
    let fixture = try ProcessTreeFixture()
    let first = try fixture.program("a", [1])
    let second = try fixture.program("b", [2])
    try fixture.add(1, cgroup: "0::/\n")
    for pid in Int32(30)...33 { try fixture.add(pid, executable: first, cgroup: Self.cgroup(Self.container)) }
    let processes = NodeProcesses(tree: fixture.tree)
    #expect(processes.changes(in: [Self.container], now: .seconds(1)) == [])
    func forget(_ executable: String) throws {
      for pid in Int32(30)...33 {
        rename("\(fixture.path)/\(pid)", "\(fixture.path)/gone-\(executable.suffix(1))-\(pid)")
        try fixture.add(pid, executable: executable, cgroup: Self.cgroup(Self.container))
      }
    }
    try forget(first)
    #expect(processes.changes(in: [Self.container], now: .seconds(2)) == [])
    #expect(processes.processes(of: Self.key, now: .seconds(3), freshness: .zero) == [30, 31, 32, 33])
    // Other processes under the numbers are told by what they execute.
    try forget(second)
    #expect(processes.changes(in: [Self.container], now: .seconds(4)) == [Self.container])
  }

  /// Between listing and reading a number may become another container's process.
  @Test func aNumberThatIsAnotherContainersByNowIsNotRead() throws {
    let fixture = try ProcessTreeFixture()
    try fixture.add(30, executable: "/usr/bin/python3.11", cgroup: Self.cgroup(Self.container))
    let processes = NodeProcesses(tree: fixture.tree)
    let listed = processes.listed(in: Self.key, now: .zero, freshness: .zero)
    #expect(fixture.tree.inspect(listed, of: Self.key).runtime?.language == .python)
    rename("\(fixture.path)/30", "\(fixture.path)/gone")
    try fixture.add(30, executable: "/usr/bin/node", cgroup: Self.cgroup(Self.other))
    #expect(fixture.tree.inspect(listed, of: Self.key).processCount == 0)
    // A process of the same container under the number is one of it.
    try fixture.write("30/cgroup", Self.cgroup(Self.container))
    #expect(fixture.tree.inspect(listed, of: Self.key).runtime?.language == .javascript)
    // Where the cgroup does not tell, the mounts do.
    try fixture.write("30/cgroup", "0::/\n")
    #expect(fixture.tree.inspect(listed, of: Self.key).processCount == 0)
    try fixture.write(
      "30/mountinfo", "3 1 8:1 /var/lib/kubelet/pods/\(Self.uid)/containers/app/1f3c /dev/termination-log rw - x y rw\n"
    )
    #expect(fixture.tree.inspect(listed, of: Self.key).runtime?.language == .javascript)
  }

  @Test func findsAContainerByWhatTheKubeletMountsWhereTheCgroupDoesNotTell() throws {
    let fixture = try ProcessTreeFixture()
    let mounts = """
      1 0 0:50 / / rw - overlay overlay rw
      2 1 8:1 /var/lib/kubelet/pods/\(Self.uid)/etc-hosts /etc/hosts rw - ext4 /dev/a rw
      3 1 8:1 /var/lib/kubelet/pods/\(Self.uid)/containers/app/1f3c /dev/termination-log rw - ext4 /dev/a rw

      """
    try fixture.add(1, cgroup: "0::/\n")
    try fixture.add(30, cgroup: "0::/\n", mounts: mounts)
    try fixture.add(31, cgroup: "0::/\n", mounts: mounts)
    mkdir("\(fixture.path)/1/ns", 0o755)
    mkdir("\(fixture.path)/30/ns", 0o755)
    try fixture.link("1/ns/mnt", to: "mnt:[1]")
    try fixture.link("30/ns/mnt", to: "mnt:[2]")
    // 31 does not say that it has mounts of its own.
    let processes = NodeProcesses(tree: fixture.tree)
    #expect(processes.processes(of: Self.key, now: .zero, freshness: .zero) == [30])
    #expect(
      processes.processes(
        of: ContainerKey(id: Self.container, podUID: Self.uid, name: "sidecar"), now: .zero, freshness: .zero) == [])
  }

  @Test(arguments: [
    "", "garbage", "1 2 3:4", "1 2 3:4 /containers/app/x / rw", "1 2 3:4 /pods/short/containers/app/x / rw",
    "1 2 3:4 /pods/\(uid)/containers/app / rw", "1 2 3:4 /pods/\(uid)/volumes/app/x / rw",
  ])
  func findsNoContainerInOtherMounts(text: String) {
    #expect(MountedContainer(mounts: Array(text.utf8)) == nil)
  }

  /// Files that change and vanish while they are read: less may be found, nothing breaks.
  @Test func survivesATreeThatChangesWhileItIsRead() async throws {
    let fixture = try ProcessTreeFixture()
    let tree = fixture.tree
    let names = ["stat", "maps", "environ", "cmdline", "cgroup", "auxv", "mountinfo", "net/tcp", "exe", "fd", "root"]
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        let processes = NodeProcesses(tree: tree)
        for round in 0..<400 {
          let found = processes.processes(of: Self.key, now: .seconds(round), freshness: .zero)
          let inspection = tree.inspect(found)
          #expect(inspection.runtimes.allSatisfy { [.python, .javascript].contains($0.language) })
          #expect(inspection.environment.keys.allSatisfy { $0 == .pythonPath })
        }
      }
      for round in 0..<400 {
        let pid = Int32(10 + round % 3)
        switch round % 4 {
        case 0, 1:
          let text = String(repeating: "/lib/x.so", count: Int.random(in: 0...2000))
          try? fixture.add(
            pid, executable: round % 2 == 0 ? "/usr/bin/python3.11" : "/usr/bin/node", arguments: [text],
            environment: ["PYTHONPATH=/a", "SECRET=\(text)"], maps: [text], cgroup: Self.cgroup(Self.container))
        case 2: fixture.removeProcess(pid)
        default:
          let name = "\(pid)/\(names[round / 4 % names.count])"
          unlink("\(fixture.path)/\(name)")
          try? fixture.write(name, bytes: (0..<Int.random(in: 1...5000)).map { _ in UInt8.random(in: 0...255) })
        }
      }
      try await group.waitForAll()
    }
  }
}
