import Testing

@testable import Odiglet

/// Which trees processes may be using, by when these were the current ones.
@Suite struct AgentActivationsTests {
  private static func clock(_ uptime: Int, boot: String = "b") -> NodeClock {
    NodeClock(boot: boot, uptime: uptime, bootTime: 5000)
  }

  private static func list(_ periods: [(Int, String)]) -> AgentActivations {
    var list = AgentActivations()
    for (uptime, name) in periods { list.note([name], at: clock(uptime)) }
    return list
  }

  static let history = [(10, "z"), (20, "a"), (30, "b"), (40, "a"), (50, "c")]
  /// The start of a process in seconds since the kernel's, and the trees it may use; nil for any.
  static let starts: [(start: Int, names: Set<String>?)] = [
    (5, nil), (11, nil), (12, ["z"]), (15, ["z"]), (18, ["z", "a"]), (21, ["z", "a"]), (22, ["a"]), (25, ["a"]),
    (35, ["b"]), (45, ["a"]), (100, ["c"]),
  ]

  @Test(arguments: starts) func tellsByTheStart(_ start: Int, _ names: Set<String>?) {
    // Near a border it may be either.
    #expect(Self.list(Self.history).names(usedSince: [5000 + start], clock: Self.clock(200)) == names)
  }

  @Test func nothingRunningUsesNothing() {
    #expect(AgentActivations().names(usedSince: [], clock: nil) == [])
    #expect(AgentActivations().names(usedSince: [5050], clock: Self.clock(200)) == nil)
    #expect(Self.list(Self.history).names(usedSince: [5050], clock: nil) == nil)
  }

  /// The clock was an hour slow when the trees were installed: what the kernel counts did not move.
  @Test func aClockThatIsSetMovesNothing() {
    var now = Self.clock(200)
    now.bootTime += 3600
    #expect(Self.list(Self.history).names(usedSince: [5000 + 3600 + 35], clock: now) == ["b"])
  }

  @Test func whatWasCurrentAsTheNodeStartedIsThatOfTheFirstProcesses() {
    var list = Self.list(Self.history)
    #expect(list.names(usedSince: [5001], clock: Self.clock(60, boot: "next")) == ["c"])
    list.note(["d"], at: Self.clock(60, boot: "next"))
    #expect(list.names(usedSince: [5030], clock: Self.clock(90, boot: "next")) == ["c"])
    #expect(list.names(usedSince: [5070], clock: Self.clock(90, boot: "next")) == ["d"])
  }

  @Test func readsWhatItHasWritten() throws {
    var list = Self.list(Self.history)
    list.note(["c", "d"], at: Self.clock(60))
    #expect(AgentActivations(list.text) == list)
    #expect(list.text.hasSuffix("b 50 c\nb 60 c d\n"))
    list.forget { $0 != "c" }
    #expect(list.periods.map(\.names) == [["c"], ["c"]])
  }

  @Test(arguments: ["b -1 a\n", "b 9223372036854775807 a\n", "b x a\n", "b 1\n", "b 1 a", ""])
  func aListThatIsNoneIsNotRead(_ text: String) {
    #expect(AgentActivations(text) == nil)
  }

  @Test func anotherReleaseThatNotesNothingIsNotForgotten() {
    var list = Self.list([(10, "a"), (20, "b")])
    list.correct(current: "b")
    #expect(list == Self.list([(10, "a"), (20, "b")]))
    list.correct(current: "x")
    list.note(["c"], at: Self.clock(50))
    #expect(list.names(usedSince: [5040], clock: Self.clock(90)) == ["b", "x"])
  }

  @Test func staysWithinItsLength() {
    var list = AgentActivations()
    for index in 0..<1000 { list.note(["\(index % 7)"], at: Self.clock(index * 10)) }
    #expect(list.periods.count == AgentActivations.longest)
    #expect(list.periods[0].uptime == 0 && list.periods[0].names.count == 7)
    #expect(list.names(usedSince: [5000 + 9995], clock: Self.clock(10_000)) == ["\(999 % 7)"])
  }

  /// Whatever happens and whenever somebody is killed: the tree that was current as a process started is among those
  /// that it may use.
  @Test(arguments: 0..<200) func neverLosesATreeInUse(seed: Int) {
    var random = Sequence(state: UInt64(seed) &* 7919 &+ 1)
    var (list, current, now) = (AgentActivations(), String?.none, 0)
    var processes: [(start: Int, tree: String)] = []
    for _ in 0..<40 {
      let name = "\(random.below(5))"
      if let current {
        list.correct(current: current)
        if current != name { list.note([current, name], at: Self.clock(now)) }
      }
      now += random.below(20)
      if let current, random.below(3) == 0 { processes.append((now, current)) }
      // Killed before the switch, after it, or not at all.
      let isKilled = random.below(4)
      if isKilled != 0 { current = name }
      if isKilled > 1, list.periods.last?.names != [name] { list.note([name], at: Self.clock(now)) }
      now += random.below(20)
      if let current { processes.append((now, current)) }
    }
    for process in processes {
      let used = list.names(usedSince: [5000 + process.start], clock: Self.clock(now))
      #expect(used?.contains(process.tree) ?? true, "\(process) of \(list.text)")
    }
  }

  private struct Sequence {
    var state: UInt64
    mutating func below(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int((state >> 33) % UInt64(bound))
    }
  }
}
