import KubeClient

/// What keeps a local copy of a collection up to date does next: list in pages, watch from there, go on after the
/// server ended the watch, list anew when the version is too old, wait after failures.
///
/// A value without I/O: the driver carries the actions out in order and reports what came of it. The objects do not
/// pass through here; `stage`, `publish` and `apply` say what is to happen to the ones just received.
public struct WatchMachine: Sendable {
  /// What happened.
  public enum Event: Sendable, Equatable {
    /// The driver runs.
    case start
    /// A page of the list came.
    case page(resourceVersion: String, continueToken: String?)
    /// A page of the list did not come.
    case listFailed(KubeError)
    /// The server accepted the watch.
    case watchOpened
    /// An object was added, modified or deleted.
    case change(resourceVersion: String)
    /// Nothing changed up to this version.
    case bookmark(resourceVersion: String)
    /// The server ended the watch, as it does every few minutes.
    case watchEnded
    /// The watch could not be opened, broke, or the server sent an error in it.
    case watchFailed(KubeError)
    /// The time of `wait` is over.
    case waited
  }

  /// What is to be done.
  public enum Action: Sendable, Equatable {
    /// Asks for a page; `isWhole` asks for everything in one, which cannot expire in between.
    case list(continueToken: String?, isWhole: Bool)
    /// Adds the page that came to what is collected.
    case stage
    /// Forgets what is collected.
    case discard
    /// Makes what is collected the content of the store.
    case publish
    /// Watches from a version.
    case watch(resourceVersion: String)
    /// Carries the change that came into the store.
    case apply
    /// Does nothing for that long.
    case wait(Duration)
    /// Tells people about a failure.
    case report(KubeError)
  }

  private enum State: Sendable {
    case idle
    case listing(isContinued: Bool, isWhole: Bool)
    case watching
    case waiting(thenList: Bool)
  }

  /// A watch that ends sooner than this without an event was not worth opening: such a server is not asked at once.
  private static let shortLife: Duration = .seconds(1)
  /// A watch that lived for so long was healthy: what ends it is a new failure, not one in a row.
  private static let healthyLife: Duration = .seconds(10)

  private var state = State.idle
  private var version = ""
  private var openedAt: ContinuousClock.Instant?
  private var hasProgress = false
  private var backoff: Backoff

  /// Waits from 0.8 s up to 30 s after failures, as client-go's reflector.
  public init(backoff: Backoff = Backoff(initial: .milliseconds(800), maximum: .seconds(30), jitter: 1)) {
    self.backoff = backoff
  }

  /// Takes an event; `random` is from 0 up to 1.
  public mutating func receive(_ event: Event, at now: ContinuousClock.Instant, random: Double) -> [Action] {
    switch (event, state) {
    case (.start, _): return list(isWhole: false)
    case (.page(let version, let continueToken), .listing(_, let isWhole)):
      if let continueToken {
        state = .listing(isContinued: true, isWhole: isWhole)
        return [.stage, .list(continueToken: continueToken, isWhole: isWhole)]
      }
      self.version = version
      return [.stage, .publish] + watch()
    case (.listFailed(let error), .listing(let isContinued, _)):
      // The pages expired while they were read.
      if error.isGone, isContinued { return [.discard] + list(isWhole: true) }
      return [.discard, .report(error)] + wait(thenList: true, random)
    case (.watchOpened, .watching):
      openedAt = now
      return []
    case (.change(let version), .watching):
      progress(to: version)
      return [.apply]
    case (.bookmark(let version), .watching):
      progress(to: version)
      return []
    case (.watchEnded, .watching):
      if hasProgress || life(at: now) >= Self.shortLife {
        backoff.reset()
        return watch()
      }
      return wait(thenList: false, random)
    case (.watchFailed(let error), .watching):
      if life(at: now) >= Self.healthyLife {
        backoff.reset()
        // Old servers (1.20) send no bookmarks for kinds without objects, so that silence is no failure. Whether the
        // server is away, the next watch tells.
        if error.isTimeout { return watch() }
      }
      if error.isGone { return hasProgress ? list(isWhole: false) : wait(thenList: true, random) }
      // The version stays good while the server is away or overloaded; after anything else only a list tells.
      return [.report(error)] + wait(thenList: !error.isTransient, random)
    case (.waited, .waiting(let thenList)): return thenList ? list(isWhole: false) : watch()
    default: return []
    }
  }

  private mutating func list(isWhole: Bool) -> [Action] {
    state = .listing(isContinued: false, isWhole: isWhole)
    return [.list(continueToken: nil, isWhole: isWhole)]
  }

  private mutating func watch() -> [Action] {
    state = .watching
    openedAt = nil
    hasProgress = false
    return [.watch(resourceVersion: version)]
  }

  private mutating func wait(thenList: Bool, _ random: Double) -> [Action] {
    state = .waiting(thenList: thenList)
    return [.wait(backoff.next(random: random))]
  }

  private mutating func progress(to version: String) {
    if !version.isEmpty { self.version = version }
    hasProgress = true
    backoff.reset()
  }

  private func life(at now: ContinuousClock.Instant) -> Duration { openedAt.map { now - $0 } ?? .zero }
}
