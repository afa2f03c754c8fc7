import Concurrency
import EventLoop
import Glibc
import TestSupport
import Testing

@testable import ProcessInspection

struct ProcessEndsTests {
  private final class Ended: Sendable {
    let all = Locked<[ProcessIdentity]>([])
  }

  @Test(arguments: [true, false])
  func theEndOfAProcessIsTold(usesDescriptors: Bool) async throws {
    let loop = try EventLoop(name: "ends")
    defer { loop.shutdown() }
    let tree = ProcessTree()
    let ended = Ended()
    let maximum = usesDescriptors ? 2 : 0
    let ends = ProcessEnds(tree: tree, loop: loop, maximumDescriptors: maximum, interval: .milliseconds(100)) {
      process in
      ended.all.withLock { $0.append(process) }
    }
    let child = try LineProcess("cat", [])
    let other = try LineProcess("cat", [])
    let process = try #require(tree.process(child.pid))
    let stays = try #require(tree.process(other.pid))
    #expect(tree.isRunning(process))
    ends.follow(process)
    ends.follow(process)
    ends.follow(stays)
    try await eventually("two are watched") { ends.count == 2 }
    #expect(ended.all.withLock { $0 }.isEmpty)
    kill(child.pid, SIGKILL)
    try await eventually("one has ended") { ended.all.withLock { $0 } == [process] }
    #expect(ends.count == 1)
    #expect(!tree.isRunning(process))
    ends.close()
    try await eventually("none is watched") { ends.count == 0 }
  }

  @Test func aProcessThatHasEndedIsToldAtOnce() async throws {
    let loop = try EventLoop(name: "ends")
    defer { loop.shutdown() }
    let ended = Ended()
    let ends = ProcessEnds(tree: ProcessTree(), loop: loop) { process in ended.all.withLock { $0.append(process) } }
    let me = try #require(ProcessTree().process(getpid()))
    // The id is another process's by now.
    ends.follow(ProcessIdentity(pid: me.pid, start: "1"))
    ends.follow(ProcessIdentity(pid: 1 << 22, start: "1"))
    try await eventually("both are told") { ended.all.withLock { $0 }.count == 2 }
    ends.follow(me)
    ends.forget(me)
    try await eventually("none is watched") { ends.count == 0 }
    #expect(ended.all.withLock { $0 }.count == 2)
  }

  @Test func namespacesHaveIdsOfTheirOwn() throws {
    let fixture = try ProcessTreeFixture()
    try fixture.add(7)
    try fixture.write("7/status", "Name:\tx\nNSpid:\t7\t3\t1\nThreads:\t1\n")
    #expect(fixture.tree.ownPID(of: 7) == 1)
    #expect(fixture.tree.ownPID(of: 8) == nil)
    #expect(ProcessTree().ownPID(of: getpid()) == getpid())
  }
}
