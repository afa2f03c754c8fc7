/// How much the processes of a language look like what their container is for, the least first.
public enum RuntimeStanding: Int, Sendable, Hashable, Comparable, CaseIterable {
  /// They only start or watch other programs.
  case launching
  /// They started a moment ago and may be gone in another: a script at the start, a probe, somebody's shell.
  case started
  /// They have been there for a while.
  case running
  /// They wait for connections.
  case listening

  /// The order of what is least first.
  public static func < (first: Self, second: Self) -> Bool { first.rawValue < second.rawValue }

  /// After how many seconds a process counts as one that runs.
  public static let settlingSeconds = 10
  /// After how many seconds a process is surely no script that ends.
  public static let lastingSeconds = 300
}

extension RuntimeLanguage {
  /// The place of a language in the ranking of its container; the highest wins. An application outranks the servers and
  /// native programs that it may bring along, unless it has only just started.
  public func rank(_ standing: RuntimeStanding) -> Int {
    switch (standing, isApplication) {
    case (.launching, _): 0
    case (.started, false): 1
    case (.started, true): 2
    case (.running, false): 3
    case (.listening, false): 4
    case (.running, true): 5
    case (.listening, true): 6
    }
  }
}
