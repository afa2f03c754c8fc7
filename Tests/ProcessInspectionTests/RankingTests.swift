import TestSupport
import Testing

@testable import ProcessInspection

/// Which of several languages a container is for.
@Suite struct RankingTests {
  /// The machine has been up for 1,000 s in these trees; processes started then are 10 minutes, or 1 s old.
  private static let long: UInt64 = 40_000
  private static let justNow: UInt64 = 99_900

  private func fixture() throws -> ProcessTreeFixture {
    let fixture = try ProcessTreeFixture()
    try fixture.write("uptime", "1000.55 1900.00\n")
    return fixture
  }

  @Test func aListenerOutranksItsParent() throws {
    let fixture = try fixture()
    try fixture.add(1, executable: "/usr/bin/node", started: Self.long)
    try fixture.add(9, parent: 1, executable: "/usr/bin/python3.11", started: Self.long, sockets: [5, 71])
    try fixture.listen(1, [71: 8080])
    let inspection = fixture.tree.inspect([1, 9])
    #expect(inspection.runtimes.map(\.language) == [.python, .javascript])
    #expect(inspection.runtimes.map(\.standing) == [.listening, .running])
    #expect(inspection.runtime?.evidence.last == "standing listening: listens on port 8080")
  }

  @Test func aListenerOnAUnixSocketCounts() throws {
    let fixture = try fixture()
    try fixture.add(1, executable: "/usr/bin/node", started: Self.long)
    try fixture.add(9, parent: 1, executable: "/usr/sbin/php-fpm8.2", started: Self.long, sockets: [81])
    try fixture.write(
      "1/net/unix", "Num RefCount Protocol Flags Type St Inode Path\n0: 00000002 00000000 00010000 0001 01 81 /run/x\n")
    #expect(fixture.tree.inspect([1, 9]).runtimes.map(\.language) == [.php, .javascript])
  }

  @Test func whatRunsOutranksAScriptThatHasJustStarted() throws {
    let fixture = try fixture()
    try fixture.add(1, executable: "/bin/sh", started: Self.long)
    try fixture.add(5, parent: 1, executable: "/usr/bin/python3.11", started: Self.justNow)
    try fixture.add(6, parent: 1, executable: "/usr/bin/java", started: Self.long)
    let inspection = fixture.tree.inspect([1, 5, 6])
    #expect(inspection.runtimes.map(\.language) == [.java, .python])
    #expect(inspection.runtimes.last?.evidence.last == "standing started: started a moment ago")
  }

  @Test func somebodysShellInAContainerChangesNothing() throws {
    let fixture = try fixture()
    // A process that was brought into the container has its parent outside of it.
    try fixture.add(7, parent: 1, executable: "/usr/bin/ruby3.1", started: Self.long)
    try fixture.add(90, parent: 2, executable: "/usr/bin/python3.11", started: Self.justNow)
    #expect(fixture.tree.inspect([7, 90]).runtime?.language == .ruby)
  }

  @Test func anApplicationOutranksTheServersThatItBringsAlong() throws {
    let fixture = try fixture()
    try fixture.add(1, executable: "/usr/sbin/nginx", started: Self.long, sockets: [1])
    try fixture.add(2, executable: "/usr/bin/redis-server", started: Self.long, sockets: [2])
    try fixture.add(3, executable: "/srv/native", maps: ["/usr/lib/libstdc++.so.6"], started: Self.long)
    try fixture.add(4, parent: 1, executable: "/usr/bin/python3.11", started: Self.long)
    try fixture.listen(1, [1: 80, 2: 6379])
    #expect(fixture.tree.inspect([1, 2, 3, 4]).runtimes.map(\.language) == [.python, .nginx, .redis, .cplusplus])
    // But not a script that comes and goes beside a database.
    try fixture.add(8, executable: "/usr/lib/postgresql/15/bin/postgres", started: Self.long)
    try fixture.add(9, executable: "/usr/bin/python3.11", started: Self.justNow)
    #expect(fixture.tree.inspect([8, 9]).runtimes.map(\.language) == [.postgres, .python])
  }

  @Test func aSupervisorIsLastEvenWhenItListens() throws {
    let fixture = try fixture()
    try fixture.add(
      1, executable: "/usr/bin/python3.11", arguments: ["python3", "/usr/bin/supervisord"], started: Self.long,
      sockets: [3])
    try fixture.add(2, parent: 1, executable: "/usr/bin/node", started: Self.justNow)
    try fixture.listen(1, [3: 9001])
    #expect(fixture.tree.inspect([1, 2]).runtimes.map(\.language) == [.javascript, .python])
    #expect(fixture.tree.inspect([1]).runtime?.standing == .launching)
  }

  @Test(arguments: ["pebble", "envconsul", "aws-lambda-rie"])
  func whatOnlyStartsTheApplicationIsLast(_ wrapper: String) throws {
    let fixture = try fixture()
    try fixture.add(1, executable: "/usr/bin/\(wrapper)", maps: ["/usr/lib/libstdc++.so.6"], started: Self.long)
    try fixture.add(2, parent: 1, executable: "/usr/bin/python3.11", started: Self.long)
    #expect(fixture.tree.inspect([1, 2]).runtimes.map(\.language) == [.python, .cplusplus])
    #expect(fixture.tree.inspect([1]).runtime?.standing == .launching)
  }

  @Test func javaInShellsIsFound() throws {
    let fixture = try fixture()
    try fixture.add(1, executable: "/bin/bash", arguments: ["bash", "/entrypoint.sh"], started: Self.long)
    try fixture.add(8, parent: 1, executable: "/bin/dash", arguments: ["sh", "catalina.sh", "run"], started: Self.long)
    try fixture.add(9, parent: 8, executable: "/opt/jdk-17.0.2/bin/java", started: Self.long)
    let inspection = fixture.tree.inspect([1, 8, 9])
    #expect(inspection.runtimes.map(\.language) == [.java])
    #expect(inspection.representative == ProcessIdentity(pid: 9, start: "\(Self.long)"))
  }

  @Test func rubyUnderPassengerIsRuby() throws {
    let fixture = try fixture()
    try fixture.add(1, executable: "/usr/sbin/nginx", started: Self.long, sockets: [1])
    try fixture.add(
      2, parent: 1, executable: "/usr/lib/passenger/PassengerAgent", maps: ["/usr/lib/libstdc++.so.6"],
      started: Self.long, sockets: [2])
    try fixture.add(
      3, parent: 2, executable: "/usr/bin/ruby3.1", arguments: ["Passenger RubyApp: /srv/shop (production)"],
      started: Self.long)
    try fixture.listen(1, [1: 80, 2: 8081])
    #expect(fixture.tree.inspect([1, 2, 3]).runtimes.map(\.language) == [.ruby, .nginx, .cplusplus])
  }

  @Test func aProcessThatHasBeenThereForMinutesLasts() throws {
    let fixture = try fixture()
    try fixture.add(1, executable: "/usr/bin/node", started: Self.long)
    try fixture.add(2, executable: "/usr/bin/node", started: 90_000)
    #expect(fixture.tree.inspect([1]).runtime?.isLasting == true)
    #expect(fixture.tree.inspect([1]).runtime?.evidence.last == "standing running: runs for more than 300 s")
    #expect(fixture.tree.inspect([2]).runtime?.isLasting == false)
  }

  /// A container with more processes than anybody looks at: the first are looked at, and no more are read.
  @Test func thousandsOfProcessesAreBounded() throws {
    let fixture = try fixture()
    try fixture.add(1, executable: "/usr/bin/python3.11", started: Self.long)
    let numbers = [1] + (2...5000).map(Int32.init)
    #expect(fixture.tree.inspect(numbers).processCount == 1)
    try fixture.add(5000, executable: "/usr/bin/node", started: Self.long)
    #expect(fixture.tree.inspect(numbers).runtimes.map(\.language) == [.python])
  }

  @Test func theOlderCountsAmongEquals() throws {
    let fixture = try fixture()
    try fixture.add(3, executable: "/usr/bin/node", started: Self.long + 100)
    try fixture.add(4, executable: "/usr/bin/python3.11", started: Self.long)
    #expect(fixture.tree.inspect([3, 4]).runtimes.map(\.language) == [.python, .javascript])
  }

  @Test(
    arguments: [
      ("", [:]), ("garbage\n\n\u{1}", [:]), ("  sl  local_address rem_address   st\n", [:]),
      ("0: 0100007F:1F90 00000000:0000 0A 0:0 0:0 0 0 0 42 1\n", [42: 8080]),
      ("0: 0100007F:1F90 00000000:0000 01 0:0 0:0 0 0 0 42 1\n", [:]),
      ("0: 00000000000000000000000001000000:0050 0:0 0A 0:0 0:0 0 0 0 7 1\n", [7: 80]),
      ("0: 0100007F:1FFFF0 0:0 0A 0:0 0:0 0 0 0 42 1\n", [:]), ("0: x 0:0 0A 0:0 0:0 0 0 0 42 1\n", [:]),
      ("0: 0:1F90 0:0 0A 0:0 0:0 0 0 0 99999999999999999999 1\n", [:]),
    ] as [(String, [UInt64: UInt64])])
  func readsListeningSockets(text: String, ports: [UInt64: UInt64]) {
    var sockets = ListeningSockets()
    sockets.add(tcp: Array(text.utf8))
    #expect(sockets.ports == ports)
  }

  @Test(
    arguments: [("socket:[42]", 42), ("socket:[]", nil), ("socket:[", nil), ("pipe:[42]", nil), ("", nil)]
      as [(String, UInt64?)])
  func readsTheInodeOfASocket(link: String, inode: UInt64?) {
    #expect(ListeningSockets.inode(ofLink: Array(link.utf8)) == inode)
  }
}
