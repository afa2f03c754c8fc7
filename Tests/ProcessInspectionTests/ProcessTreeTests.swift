import Glibc
import TestSupport
import Testing

@testable import ProcessInspection

@Suite struct ProcessTreeTests {
  @Test func findsNothingWhereThereIsNothing() {
    #expect(ProcessTree(root: "/nonexistent").pids == [])
    #expect(ProcessTree(root: "/nonexistent").inspect([1]) == ContainerInspection())
  }

  @Test func skipsProcessesThatHaveEnded() throws {
    let fixture = try ProcessTreeFixture()
    try fixture.add(1, executable: "/usr/bin/python3.11", state: "Z")
    #expect(fixture.tree.facts(of: 1) == nil)
    #expect(fixture.tree.facts(of: 2) == nil)
  }

  @Test(arguments: ["runc:[2:INIT]", "runc:[1:CHILD]", "crun"])
  func skipsTheContainerRuntimeBeforeTheContainersProgram(_ name: String) throws {
    let fixture = try ProcessTreeFixture()
    try fixture.add(1, executable: "/usr/sbin/runc", arguments: ["runc", "init"], name: name)
    #expect(fixture.tree.facts(of: 1) == nil)
    #expect(fixture.tree.inspect([1]) == ContainerInspection())
  }

  @Test func readsWhatThereIs() throws {
    let fixture = try ProcessTreeFixture()
    try fixture.add(
      7, parent: 3, executable: "/nonexistent/python3.9 (deleted)", arguments: ["python3.9", "app.py"],
      environment: [
        "A=1", "PYTHONPATH=/app:/lib", "PYTHONPATH=/second", "nonsense", "=x", "NODE_OPTIONS=", "PASSWORD=x",
        "PYTHONPATHX=y",
      ],
      maps: ["/lib/x.so", "/lib/x.so", "/lib/y.so"], auxiliary: [6, 4096, 23, 1, 0, 0])
    let facts = try #require(fixture.tree.facts(of: 7))
    #expect(facts.parent == 3)
    #expect(facts.executable == "/nonexistent/python3.9")
    #expect(facts.arguments == ["python3.9", "app.py"])
    #expect(facts.environment.values == ["PYTHONPATH": "/app:/lib", "NODE_OPTIONS": ""])
    #expect(facts.mappedFiles == ["/lib/x.so", "/lib/y.so"])
    #expect(facts.isSecure == true)
    #expect(facts.program == nil)
  }

  /// The marks of processes tell whether anything has changed that another look could find.
  @Test func aMarkChangesWithWhatProcessesExecuteAndMap() throws {
    let fixture = try ProcessTreeFixture()
    try fixture.add(7, executable: "/bin/sh", size: 1000)
    let processes = [ListedProcess(pid: 7), ListedProcess(pid: 8)]
    let tree = fixture.tree
    let first = tree.mark(processes)
    #expect(tree.mark(processes) == first)
    try fixture.add(7, executable: "/bin/sh", size: 2000)
    #expect(tree.mark(processes) != first)
    try fixture.add(7, executable: "/bin/sh", started: 5000, size: 1000)
    #expect(tree.mark(processes) != first)
    try fixture.add(7, executable: "/bin/sh", size: 1000)
    #expect(tree.mark(processes) == first)
    try fixture.add(8, executable: "/bin/sh")
    #expect(tree.mark(processes) != first)
    try fixture.add(8, executable: "/bin/sh", state: "Z")
    #expect(tree.mark(processes) == first)
  }

  /// As where the process file system is mounted with `hidepid`, or the capability to look into processes is missing.
  @Test func isBlindWhereNothingMayBeRead() throws {
    let fixture = try ProcessTreeFixture()
    try fixture.add(7, arguments: ["/usr/bin/python3.11"], environment: nil)
    #expect(fixture.tree.inspect([7]).isBlind)
    #expect(fixture.tree.inspect([8]).isBlind)
    try fixture.add(8, executable: "/bin/sh")
    #expect(!fixture.tree.inspect([7, 8]).isBlind)
  }

  @Test func takesUnreadableFilesForAbsent() throws {
    let fixture = try ProcessTreeFixture()
    try fixture.add(7, arguments: ["/usr/bin/python3.11"], environment: nil)
    mkdir("\(fixture.path)/7/environ", 0o755)
    mkfifo("\(fixture.path)/7/auxv", 0o644)
    let facts = try #require(fixture.tree.facts(of: 7))
    #expect(facts.environment == ProcessEnvironment())
    #expect(facts.isSecure == nil)
    #expect(facts.runtime?.language == .python)
  }

  @Test func boundsWhatItReads() throws {
    let fixture = try ProcessTreeFixture()
    try fixture.add(7, executable: "/usr/bin/python3.11")
    try fixture.write("7/environ", "PYTHONPATH=" + String(repeating: "x", count: 3 << 20))
    let facts = try #require(fixture.tree.facts(of: 7))
    #expect(facts.environment.values == [:])
    #expect(facts.environment.oversized == ["PYTHONPATH"])
    #expect(fixture.tree.inspect([7]).oversizedVariables == ["PYTHONPATH"])
    #expect(BoundedFile.content("\(fixture.path)/7/environ", limit: 1000)?.count == 1000)
  }

  @Test func readsItself() throws {
    let facts = try #require(ProcessTree().facts(of: getpid()))
    #expect(facts.executable != nil)
    #expect(facts.program?.image.cLibrary == .glibc)
    #expect(facts.isSecure == false)
    #expect(!facts.mappedFiles.isEmpty)
  }

  @Test func tellsWhichPathsAreInUse() throws {
    let fixture = try ProcessTreeFixture()
    try fixture.add(7, maps: ["/var/odigos/.versions/a1/python/x.so", "/usr/lib/libc.so"])
    try fixture.write(
      "7/mountinfo", "36 35 98:0 /var/odigos/.versions/b2/python /var/odigos/python ro - ext4 /dev/x rw\n")
    #expect(
      fixture.tree.pathsInUse(["/.versions/a1/", "/.versions/b2/", "/.versions/c3/"])
        == ["/.versions/a1/", "/.versions/b2/"])
    #expect(fixture.tree.pathsInUse([]) == [])
  }

  /// Not even root may read what can only be written.
  static let unreadable = "/sys/bus/platform/drivers_probe"
  static let container = "0::/kubepods/pod11111111-2222-3333-4444-555555555555/" + String(repeating: "ab", count: 32)

  /// Every system has processes that nobody may look into: its init, under AppArmor. Only containers have agent files.
  @Test(arguments: [("1:name=systemd:/\n0::/init.scope\n", false), (container, true), (nil, true)])
  func whatMayNotBeLookedIntoCountsInContainers(cgroup: String?, counts: Bool) throws {
    let fixture = try ProcessTreeFixture()
    try fixture.add(7, cgroup: cgroup)
    try fixture.write("stat", "btime 1000\n")
    for name in ["maps", "mountinfo"] {
      unlink("\(fixture.path)/7/\(name)")
      symlink(Self.unreadable, "\(fixture.path)/7/\(name)")
    }
    #expect(fixture.tree.pathsInUse(["/.versions/a1/"]) == (counts ? ["/.versions/a1/"] : []))
    #expect(fixture.tree.startTimes(mounting: "/var/odigos") { _ in false } == (counts ? nil : []))
  }

  /// Everybody may read what a process sees mounted; who may not read what it has mapped knows its files by that and
  /// by its start.
  @Test(
    arguments: [
      ("35 1 0:5 / / rw - overlay overlay rw\n", [], 0),
      ("36 35 8:1 /var/odigos /var/odigos ro - ext4 /dev/sda rw\n", [], 1),
      ("36 35 8:1 /var/odigos/.versions/a1/python /srv ro - ext4 /dev/sda rw\n", ["/.versions/a1/"], 0),
    ] as [(String, Set<String>, Int)])
  func hiddenMapsCountForWhatIsMounted(mounts: String, used: Set<String>, starts: Int) throws {
    let fixture = try ProcessTreeFixture()
    try fixture.add(7, cgroup: Self.container, mounts: mounts)
    try fixture.write("stat", "btime 1000\n")
    unlink("\(fixture.path)/7/maps")
    symlink(Self.unreadable, "\(fixture.path)/7/maps")
    #expect(fixture.tree.pathsInUse(["/.versions/a1/", "/.versions/b2/"]) == used)
    #expect(fixture.tree.startTimes(mounting: "/var/odigos") { _ in false }?.count == starts)
  }

  /// The kubelet sees the directory as a mount where it is a file system of its own.
  @Test(arguments: [("0::/system.slice/kubelet.service", 0), (container, 1)])
  func onlyContainersAreOlderThanTheirAgentFiles(cgroup: String, count: Int) throws {
    let fixture = try ProcessTreeFixture()
    try fixture.add(7, cgroup: cgroup, mounts: "36 35 8:1 / /var/odigos rw - ext4 /dev/sdb rw\n")
    try fixture.write("stat", "btime 1000\n")
    #expect(fixture.tree.startTimes(mounting: "/var/odigos") { _ in false }?.count == count)
  }
}

@Suite struct AuxiliaryVectorTests {
  @Test(
    arguments: [
      ([23, 1, 0, 0], true), ([3, 9, 23, 0, 0, 0], false), ([3, 9, 0, 0, 23, 1], nil), ([], nil), ([23], nil),
    ]
      as [([UInt64], Bool?)])
  func findsSecureExecution(entries: [UInt64], isSecure: Bool?) {
    let bytes = entries.flatMap { value in (0..<8).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) } }
    #expect(AuxiliaryVector.isSecure(bytes, is64Bit: true) == isSecure)
  }

  @Test func reads32Bits() {
    let bytes: [UInt8] = [6, 0, 0, 0, 0, 16, 0, 0, 23, 0, 0, 0, 1, 0, 0, 0]
    #expect(AuxiliaryVector.isSecure(bytes, is64Bit: false) == true)
  }
}
