import Concurrency
import ProcessInspection

/// Notices that other programs run in containers than before: by the kernel's notes of executions where it gives them,
/// and by looking at the list of processes, seldom beside those and more often without.
package struct ProcessWatch {
  private let processes: NodeProcesses
  /// Nil where the kernel does not tell.
  private let events: ExecEvents?

  /// A watch over these processes; `events` is nil where the kernel does not tell.
  package init(processes: NodeProcesses, events: ExecEvents?) {
    self.processes = processes
    self.events = events
  }

  /// Watches until the task is cancelled: `watched` answers the containers that matter, `isWatched` whether one does, and
  /// `changed` gets those of them in which there are new programs.
  package func run(
    watched: () -> Set<String>, isWatched: (String) -> Bool, changed: (Set<String>) -> Void
  ) async {
    let clock = ContinuousClock()
    let start = clock.now
    var pace = WatchPace(hasEvents: events != nil)
    while !Task.isCancelled {
      if events == nil { try? await Task.sleep(for: pace.rest) } else { await Beat.next(pace.rest) }
      var found: Set<String> = []
      if let events {
        let (pids, isComplete) = events.take()
        if isComplete { found = processes.containers(of: pids).filter(isWatched) } else { pace.wantsLook() }
      }
      let now = clock.now - start
      if pace.isLookDue(at: now) {
        let containers = watched()
        if !containers.isEmpty {
          found.formUnion(processes.changes(in: containers, now: now, isFull: pace.isFullLookDue))
        }
      }
      pace.rested(foundChanges: !found.isEmpty, at: now)
      if !found.isEmpty { changed(found) }
    }
  }
}

/// How long to rest between looks. Where nothing changes, nothing is to be noticed soon either.
struct WatchPace {
  /// Between looks at the list of processes, without events: from the shortest to the longest.
  static let rests = Duration.seconds(4)...Duration.seconds(32)
  /// Between takings of events.
  static let eventRest = Duration.seconds(1)
  /// Between looks at the list beside events, for what they miss: processors that are switched on later, processes
  /// that are moved into a container.
  static let lookBesideEvents = Duration.seconds(60)

  private let hasEvents: Bool
  private(set) var rest: Duration
  private var nextLook = Duration.zero
  private var lastLook: Duration?
  /// Between looks where events are lost, which grows as without events.
  private var restAfterLoss = Self.rests.lowerBound
  private var wereEventsLost = false
  /// Whether what is executed is to be compared, which costs most of a look: events tell it, unless some were lost.
  private(set) var isFullLookDue = true

  /// The first rest is the shortest.
  init(hasEvents: Bool) {
    self.hasEvents = hasEvents
    rest = hasEvents ? Self.eventRest : Self.rests.lowerBound
  }

  /// Whether it is time to look at the list of processes.
  func isLookDue(at now: Duration) -> Bool { !hasEvents || now >= nextLook }

  /// Has the list looked at wholly, because events were lost; no more often than without events, where they are lost
  /// again and again.
  mutating func wantsLook() {
    nextLook = min(nextLook, lastLook.map { $0 + restAfterLoss } ?? .zero)
    isFullLookDue = true
    wereEventsLost = true
  }

  /// Notes what came of the last look or taking.
  mutating func rested(foundChanges: Bool, at now: Duration) {
    guard !hasEvents else {
      if now >= nextLook {
        lastLook = now
        let isLonger = wereEventsLost && !foundChanges
        restAfterLoss = isLonger ? min(restAfterLoss * 2, Self.rests.upperBound) : Self.rests.lowerBound
        wereEventsLost = false
        nextLook = now + Self.lookBesideEvents
        isFullLookDue = false
      }
      return
    }
    rest = foundChanges ? Self.rests.lowerBound : min(rest * 2, Self.rests.upperBound)
  }
}
