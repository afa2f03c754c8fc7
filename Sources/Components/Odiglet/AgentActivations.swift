/// Which trees of agent files were the current one, and since when: a process may read further files of the tree that
/// was current when it started, for as long as it runs.
struct AgentActivations: Equatable {
  /// From then on, until the next one, containers saw one of these trees.
  struct Period: Equatable {
    /// The run of the kernel in which it began (`NodeClock.boot`).
    var boot: String
    /// When it began, in seconds since that run's start.
    var uptime: Int
    /// The tree; several where it is not known which of them it was.
    var names: [String]
  }

  /// In order, the newest one last.
  private(set) var periods: [Period] = []

  /// Where they are kept, beside the trees.
  static let fileName = ".activations"
  /// Somebody who goes back and forth for ever does not fill the disk.
  static let longest = 256
  /// A process's start is known to within a second or two: the kernel's own is known in seconds.
  private static let uncertainty = 2

  /// No kernel runs longer, in seconds.
  private static let uptimes = 0...(1 << 40)

  init() {}

  /// Reads a list: a line for each period, of the kernel's run, the seconds since its start, and names. Nil for a text
  /// that is none: what it does not say is not known.
  init?(_ text: String) {
    for line in text.split(separator: "\n") {
      let words = line.split(separator: " ").map(String.init)
      guard words.count > 2, let uptime = Int(words[1]), Self.uptimes.contains(uptime) else { return nil }
      periods.append(Period(boot: words[0], uptime: uptime, names: Array(words.dropFirst(2))))
    }
    guard text.hasSuffix("\n"), !periods.isEmpty else { return nil }
  }

  var text: String {
    periods.map { "\($0.boot) \($0.uptime) \($0.names.joined(separator: " "))\n" }.joined()
  }

  /// Notes that one of these trees is the current one from now on.
  mutating func note(_ names: [String], at clock: NodeClock) {
    periods.append(Period(boot: clock.boot, uptime: clock.uptime, names: names))
    // An earlier beginning and more names keep more, never less.
    while periods.count > Self.longest {
      let oldest = periods.removeFirst()
      periods[0] = Period(
        boot: oldest.boot, uptime: oldest.uptime,
        names: oldest.names + periods[0].names.filter { !oldest.names.contains($0) })
    }
  }

  /// Sets right what is noted by what is so: another release, which notes nothing, has made another tree the current one
  /// at some time since.
  mutating func correct(current: String) {
    guard let last = periods.last, !last.names.contains(current) else { return }
    periods[periods.count - 1].names.append(current)
  }

  /// Forgets trees that are no more.
  mutating func forget(_ isGone: (String) -> Bool) {
    for index in periods.indices { periods[index].names.removeAll(where: isGone) }
    periods.removeAll { $0.names.isEmpty }
  }

  /// The trees that processes may use which started then; nil when it cannot be told, so that it may be any.
  ///
  /// - Parameter starts: in seconds since 1970, by the clock as it is set now; all in this run of the kernel.
  func names(usedSince starts: [Int], clock: NodeClock?) -> Set<String>? {
    guard !starts.isEmpty else { return [] }
    guard let clock else { return nil }
    var used: Set<String> = []
    // What began in another run of the kernel began before every process.
    let times = periods.map { $0.boot == clock.boot ? clock.bootTime + $0.uptime : Int.min }
    for start in Set(starts) {
      guard let first = times.lastIndex(where: { $0 <= start - Self.uncertainty }) else { return nil }
      for index in first..<periods.count where times[index] <= start + Self.uncertainty {
        used.formUnion(periods[index].names)
      }
    }
    return used
  }
}
