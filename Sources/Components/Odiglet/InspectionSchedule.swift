/// When containers are looked at.
///
/// What a container is for may show only with time: its process starts its runtime late, a script runs before the
/// application, a port is opened when everything is loaded. So a container of which it is not certain is looked at
/// again, soon and often at first, and no longer after some minutes. One that is certain is left alone until other
/// programs run in it or the process ends that it was judged by; where such changes bring nothing new, as with probes,
/// they are looked at ever more seldom.
struct InspectionSchedule: Sendable {
  private struct Entry: Sendable {
    /// Since when it has not been certain; nil while it is.
    var openSince: Duration?
    /// What it is for certain.
    var language: String?
    /// Since when it is looked at for the present reason.
    var since: Duration
    var last: Duration
    /// The next look; nil while there is no reason for one.
    var next: Duration?
    var count = 0
    /// The least time between a look and one for a change.
    var gap = InspectionSchedule.leastGap
    var isForChange = false
    /// How often in a row the container's files did not answer.
    var silences = 0
    /// Whether it is looked at until it is certain, because somebody who could tell does not answer.
    var isEndless = false
  }
  private var entries: [String: Entry] = [:]

  /// How long a container is given to start its runtime before "unknown" is reported.
  static let patience = Duration.seconds(20)
  /// How long a program is given to prove that it is more than a script at the start.
  static let scriptPatience = Duration.seconds(3)
  /// How long a container must show nothing known before what it was taken for is taken back: a program that crashes
  /// and is started again is gone for a while, too.
  static let takingBack = Duration.seconds(300)
  /// How long a container of which it is not certain is looked at.
  static let limit = Duration.seconds(600)
  /// How long after a change a container is looked at: the new program loads its runtime first.
  static let settling = Duration.milliseconds(500)
  static let leastGap = Duration.seconds(1)
  /// How long after a look that was not answered the next one is tried, at first and at last.
  static let silence = Duration.seconds(5)
  static let longestSilence = Duration.seconds(60)
  /// How long after a look the next one is, at last, where the container runtime does not answer.
  static let longestPause = Duration.seconds(300)

  /// What is to be done about a container now.
  enum Decision: Equatable {
    case inspect
    case wait(Duration)
    case leave
  }

  /// Decides; `now` is by a monotonic clock.
  func decision(_ containerID: String, at now: Duration) -> Decision {
    guard let entry = entries[containerID] else { return .inspect }
    guard let next = entry.next, entry.isEndless || next - entry.since <= Self.limit else { return .leave }
    return now >= next ? .inspect : .wait(next - now)
  }

  /// Whether a container has been looked at, or has changed.
  func isFollowed(_ containerID: String) -> Bool { entries[containerID] != nil }

  /// Notes a look at a container after which it is not certain what it is; answers how long that has been so.
  ///
  /// - Parameter isAnswered: Whether everybody has answered who could tell; where not, it is looked at without end.
  mutating func noteOpen(
    _ containerID: String, isNews: Bool = false, isAnswered: Bool = true, at now: Duration
  ) -> Duration {
    var entry = entry(containerID, isNews, now)
    entry.language = nil
    entry.isEndless = !isAnswered
    // Twice as long after each look: what has not shown by now hardly will in the next minute.
    entry.next = now + min(.milliseconds(250 << min(entry.count, 12)), isAnswered ? Self.limit : Self.longestPause)
    entry.count += 1
    let since = entry.openSince ?? now
    entry.openSince = since
    entries[containerID] = entry
    return now - since
  }

  /// Notes that a container's files did not answer, which says nothing of it; answers after what time to look again. It
  /// is looked at until they do, and what it is for is judged from then on.
  mutating func noteSilence(_ containerID: String, at now: Duration) -> Duration {
    var entry = entries[containerID] ?? Entry(since: now, last: now)
    let delay = min(Self.silence * (1 << min(entry.silences, 6)), Self.longestSilence)
    entry.silences += 1
    entry.isEndless = true
    (entry.since, entry.last, entry.next) = (now, now, now + delay)
    (entry.openSince, entry.language, entry.count) = (nil, nil, 0)
    entries[containerID] = entry
    return delay
  }

  /// The language that a container has for certain.
  func certainLanguage(_ containerID: String) -> String? { entries[containerID]?.language }

  /// Notes a look at a container after which it is certain.
  mutating func noteCertain(_ containerID: String, isNews: Bool = false, language: String? = nil, at now: Duration) {
    var entry = entry(containerID, isNews, now)
    entry.next = nil
    entry.openSince = nil
    entry.language = language
    entries[containerID] = entry
  }

  /// Notes that other programs run in a container, or no longer the same; answers after what time to look.
  mutating func noteChange(_ containerID: String, at now: Duration) -> Duration {
    var entry = entries[containerID] ?? Entry(since: now, last: now - Self.limit)
    let due = max(now + Self.settling, entry.last + entry.gap)
    let isOpen = entry.next.map { $0 - entry.since <= Self.limit } ?? false
    entry.next = isOpen ? min(entry.next ?? due, due) : due
    entry.since = now
    entry.count = 0
    entry.isForChange = true
    entries[containerID] = entry
    return max(.zero, (entry.next ?? due) - now)
  }

  /// Forgets that these containers were looked at.
  mutating func forget(_ containerIDs: [String]) { for id in containerIDs { entries[id] = nil } }

  /// Forgets containers that are not among these.
  mutating func keep(only containerIDs: Set<String>) {
    entries = entries.filter { containerIDs.contains($0.key) }
  }

  private func entry(_ containerID: String, _ isNews: Bool, _ now: Duration) -> Entry {
    var entry = entries[containerID] ?? Entry(since: now, last: now)
    if entry.silences > 0 { entry.since = now }
    entry.silences = 0
    entry.isEndless = false
    entry.last = now
    if isNews {
      entry.gap = Self.leastGap
    } else if entry.isForChange {
      entry.gap = min(entry.gap * 2, Self.limit)
    }
    entry.isForChange = false
    return entry
  }
}
