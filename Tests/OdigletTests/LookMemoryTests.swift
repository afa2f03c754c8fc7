import Concurrency
import EventLoop
import Glibc
import ProcessInspection
import TestSupport
import Testing

@testable import Odiglet

/// Looks at containers of which nothing is known, by a clock of the test's own.
@Suite struct LookMemoryTests {
  /// A container as the test wants it to be.
  private final class Container {
    let fixture: DetectionFixture
    let id: String
    let pid: Int32
    var looks = 0
    var detected: Duration?

    init(_ fixture: DetectionFixture, _ number: Int) throws {
      self.fixture = fixture
      id = "container-\(number)"
      pid = Int32(100 + number)
      try fixture.put(pid, executable: "/app/start", size: 1000)
    }

    func look(_ memory: LookMemory) -> ContainerInspection {
      let listed = [ListedProcess(pid: pid)]
      return memory.inspection(id) {
        fixture.tree.mark(listed)
      } look: {
        looks += 1
        return fixture.tree.inspect(listed, of: nil)
      }
    }
  }

  /// Lets time pass until no container is to be looked at any more.
  private func run(
    _ containers: [Container], until end: Duration, _ memory: LookMemory, _ schedule: inout InspectionSchedule,
    at moments: [Duration: (inout InspectionSchedule) throws -> Void] = [:]
  ) throws {
    var now = Duration.zero
    var moments = moments
    while now <= end {
      for (moment, act) in moments where moment <= now {
        moments[moment] = nil
        try act(&schedule)
      }
      for container in containers {
        guard case .inspect = schedule.decision(container.id, at: now) else { continue }
        if let runtime = container.look(memory).runtime {
          container.detected = container.detected ?? now
          schedule.noteCertain(container.id, language: runtime.language.rawValue, at: now)
        } else {
          _ = schedule.noteOpen(container.id, at: now)
        }
      }
      now += .milliseconds(250)
    }
  }

  @Test func aContainerThatStaysAsItIsIsLookedAtTwice() throws {
    let fixture = try DetectionFixture()
    let containers = try (0..<5).map { try Container(fixture, $0) }
    let memory = LookMemory()
    var schedule = InspectionSchedule()
    try run(containers, until: .seconds(1000), memory, &schedule)
    #expect(containers.map(\.looks) == [2, 2, 2, 2, 2])
    #expect(containers.allSatisfy { $0.detected == nil })
    memory.keep(only: ["container-1"])
    #expect(memory.count == 1)
    memory.forget("container-1")
    #expect(memory.count == 0)
  }

  /// An entrypoint that becomes its program after three minutes: in each pod, when the watch over the processes notices
  /// it, which takes 32 s at most, and by the container's own looks alone, which come ever more seldom.
  @Test(arguments: [true, false]) func aProgramThatStartsLateIsFoundInEachPod(isNoticed: Bool) throws {
    let fixture = try DetectionFixture()
    let containers = try (0..<5).map { try Container(fixture, $0) }
    var schedule = InspectionSchedule()
    let start: (inout InspectionSchedule) throws -> Void = { _ in
      for container in containers { try fixture.put(container.pid, executable: "/usr/bin/java", size: 9000) }
    }
    let notice: (inout InspectionSchedule) throws -> Void = { schedule in
      guard isNoticed else { return }
      for container in containers { _ = schedule.noteChange(container.id, at: .seconds(212)) }
    }
    try run(
      containers, until: .seconds(1000), LookMemory(), &schedule, at: [.seconds(180): start, .seconds(212): notice])
    let latest = isNoticed ? Duration.seconds(213) : .seconds(256)
    for container in containers {
      #expect(container.detected.map { $0 >= .seconds(180) && $0 <= latest } == true)
      #expect(container.looks == 3)
    }
  }

  /// A runtime that is loaded late into the process that is there already: nothing is executed, but more is mapped.
  @Test func aRuntimeThatIsLoadedLateIsFound() throws {
    let fixture = try DetectionFixture()
    let containers = try (0..<3).map { try Container(fixture, $0) }
    let memory = LookMemory()
    var schedule = InspectionSchedule()
    try run(
      containers, until: .seconds(1000), memory, &schedule,
      at: [
        .seconds(100): { _ in
          for container in containers {
            try fixture.put(
              container.pid, executable: "/app/start", size: 9000, maps: ["/opt/java/lib/server/libjvm.so"])
          }
        }
      ])
    #expect(containers.allSatisfy { $0.detected.map { $0 <= .seconds(128) } == true })
    #expect(containers.map(\.looks) == [3, 3, 3])
  }

  @Test func whatTheImageSetsIsAskedForOnce() throws {
    let fixture = try DetectionFixture()
    let container = try Container(fixture, 1)
    let memory = LookMemory()
    memory.note([.pythonPath: "/x"], of: container.id)
    #expect(memory.imageVariables(container.id) == nil)
    _ = container.look(memory)
    memory.note([.pythonPath: "/x"], of: container.id)
    _ = container.look(memory)
    _ = container.look(memory)
    #expect(memory.imageVariables(container.id) == [.pythonPath: "/x"])
  }

  @Test func aContainerWithALanguageIsAlwaysLookedAtWholly() throws {
    let fixture = try DetectionFixture()
    let container = try Container(fixture, 1)
    try fixture.put(container.pid, executable: "/usr/bin/java", size: 1)
    let memory = LookMemory()
    for _ in 0..<4 { #expect(container.look(memory).runtime?.language == .java) }
    #expect(container.looks == 4)
  }
}

@Suite struct RepresentativeEndsTests {
  @Test(arguments: [true, false])
  func theEndOfTheRepresentativeIsTold(usesDescriptors: Bool) async throws {
    let loop = try EventLoop(name: "ends")
    defer { loop.shutdown() }
    let tree = ProcessTree()
    let ends = RepresentativeEnds(tree: tree, loop: loop, usesDescriptors: usesDescriptors, interval: .milliseconds(50))
    let children = try (0..<3).map { _ in try LineProcess("cat", []) }
    let processes = try children.map { try #require(tree.process($0.pid)) }
    ends.follow(processes[0], of: "a")
    ends.follow(processes[0], of: "a")
    // Another process represents it now: the end of the first says nothing any more.
    ends.follow(processes[1], of: "a")
    ends.follow(processes[2], of: "b")
    #expect(ends.count == 2)
    kill(children[0].pid, SIGKILL)
    kill(children[1].pid, SIGKILL)
    var told = ends.ended.makeAsyncIterator()
    #expect(await told.next() == "a")
    #expect(ends.count == 1)
    ends.keep(only: ["a"])
    #expect(ends.count == 0)
    kill(children[2].pid, SIGKILL)
    ends.finish()
    #expect(await told.next() == nil)
  }
}
