/// The beat to which things are done that are done again and again: all of a process wait for the same moments, so that
/// an idle one is woken once for all of them.
public enum Beat {
  private static let origin = ContinuousClock.now
  /// What wakes a little later is still of the same moment.
  private static let tolerance = Duration.milliseconds(10)

  /// Waits for the next moment that is a multiple of `interval` after the process's first beat; returns at once when the
  /// task is cancelled.
  public static func next(_ interval: Duration) async {
    let moment = origin + next(interval, after: ContinuousClock.now - origin)
    try? await Task.sleep(until: moment, tolerance: tolerance, clock: .continuous)
  }

  /// The first multiple of `interval` that is later than `elapsed`.
  static func next(_ interval: Duration, after elapsed: Duration) -> Duration {
    guard interval > .zero else { return elapsed }
    return interval * (Int(elapsed / interval) + 1)
  }
}
