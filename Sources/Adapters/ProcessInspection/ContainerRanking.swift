import Glibc

/// Puts the processes of a container in the order in which their languages may be what it is for: by the rank of the
/// language and its standing, then a parent before its children, then the older process before the younger. So a
/// shell's child counts like a first process, and a helper that the application starts now and then, a probe or
/// somebody's shell does not outrank it.
struct ContainerRanking {
  /// A process of a language.
  struct Candidate {
    var facts: ProcessFacts
    var runtime: DetectedRuntime
    var depth: Int
    /// What it listens on, in words; nil where it does not, or that was not asked for.
    var listens: String?

    fileprivate var order: (Int, Int, UInt64, Int32) {
      (-runtime.language.rank(runtime.standing), depth, facts.start, facts.pid)
    }

    /// The result with its standing as evidence.
    var described: DetectedRuntime {
      var result = runtime
      let words =
        switch runtime.standing {
        case .listening: listens ?? "listens"
        case .running:
          "runs for more than \(runtime.isLasting ? RuntimeStanding.lastingSeconds : RuntimeStanding.settlingSeconds) s"
        case .started: "started a moment ago"
        case .launching: "only starts other programs"
        }
      result.evidence.append("standing \(runtime.standing): \(words)")
      return result
    }
  }

  /// A container with more processes than these is judged by the first of them.
  static let maximumProcesses = 1024

  private(set) var candidates: [Candidate] = []

  /// Ranks by what the processes are; `uptime` of the machine is in clock ticks, nil where it is not known.
  init(_ processes: [ProcessFacts], uptime: @autoclosure () -> UInt64?) {
    guard processes.contains(where: { $0.runtime != nil }) else { return }
    let uptime = uptime()
    let parents = Dictionary(processes.map { ($0.pid, $0.parent) }) { first, _ in first }
    let second = UInt64(max(1, sysconf(Int32(_SC_CLK_TCK))))
    for facts in processes {
      guard var runtime = facts.runtime else { continue }
      let age = uptime.map { $0 > facts.start ? ($0 - facts.start) / second : 0 }
      let isYoung = age.map { $0 < RuntimeStanding.settlingSeconds } ?? false
      runtime.isLasting = age.map { $0 >= RuntimeStanding.lastingSeconds } ?? false
      runtime.standing = facts.isLauncher ? .launching : isYoung ? .started : .running
      let depth = Self.depth(facts.pid, parents)
      candidates.append(Candidate(facts: facts, runtime: runtime, depth: depth))
    }
    candidates.sort { $0.order < $1.order }
  }

  /// Whether the processes are of more than one language.
  var hasSeveralLanguages: Bool {
    candidates.contains { $0.runtime.language != candidates[0].runtime.language }
  }

  /// Takes into account who listens; `sockets` answers the inodes of the sockets that a process has open.
  mutating func note(_ listening: ListeningSockets, _ sockets: (Int32) -> [UInt64]) {
    guard !listening.isEmpty else { return }
    for index in candidates.indices where candidates[index].runtime.standing != .launching {
      let open = sockets(candidates[index].facts.pid)
      let ports = Set(open.compactMap { listening.ports[$0] }).sorted()
      if !ports.isEmpty {
        candidates[index].listens = "listens on port \(ports.prefix(4).map(String.init).joined(separator: ", "))"
      } else if open.contains(where: listening.local.contains) {
        candidates[index].listens = "listens on a Unix socket"
      }
      if candidates[index].listens != nil { candidates[index].runtime.standing = .listening }
    }
    candidates.sort { $0.order < $1.order }
  }

  /// How many of its ancestors are in the container; parents in a circle, which only a reused number can make, end it.
  private static func depth(_ pid: Int32, _ parents: [Int32: Int32]) -> Int {
    var depth = 0
    var current = pid
    while let parent = parents[current], parent != current, depth < parents.count {
      current = parent
      depth += 1
    }
    return depth
  }
}
