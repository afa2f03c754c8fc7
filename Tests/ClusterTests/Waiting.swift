import Synchronization
import Testing

/// How long what is wrong may still be waited for.
///
/// Deadlines are generous, and each of many tests may meet the same trouble. What is to come after so much waiting in vain
/// is waited for as short as may be: the suite has failed, and its report is to come.
enum Patience {
  private static let allowance = Duration.seconds(1200)
  private static let whenItIsSpent = Duration.seconds(90)
  private static let spent = Mutex(Duration.zero)

  /// How long to wait instead of `wanted`.
  static func limit(_ wanted: Duration) -> Duration { limit(wanted, spent: spent.withLock { $0 }) }

  static func limit(_ wanted: Duration, spent: Duration) -> Duration {
    spent < allowance ? wanted : min(wanted, whenItIsSpent)
  }

  /// Takes down that it was waited in vain.
  static func spend(_ time: Duration) { spent.withLock { $0 += time } }
}

/// Waits for a condition with a deadline, asking again every half second.
///
/// A deadline costs nothing where all is well, so it is generous: a machine may be slow, and a kubelet may take minutes to
/// let go of a pod. What a time says of the product is printed.
///
/// - Parameter condition: answers nil once it holds, else what is missing; the last of these is in the failure. One that
///   throws does not hold yet.
func eventually(
  _ what: String, within limit: Duration = .seconds(300), sourceLocation: SourceLocation = #_sourceLocation,
  _ condition: () async throws -> String?
) async throws {
  let begin = ContinuousClock.now
  let limit = Patience.limit(limit)
  while true {
    let missing: String?
    do { missing = try await condition() } catch { missing = "\(error)" }
    guard let missing else { return }
    if ContinuousClock.now >= begin + limit {
      Patience.spend(ContinuousClock.now - begin)
      Issue.record("\(what): not within \(limit): \(missing)", sourceLocation: sourceLocation)
      throw Cluster.Failure(description: "\(what): \(missing)")
    }
    try await Task.sleep(for: .milliseconds(500))
  }
}

/// Lets a test change what all tests share, and undoes that whatever comes of it.
///
/// - Parameters:
///   - undo: puts back what was, wherever `change` stopped; it is run once.
///   - change: makes the change, all of it, and looks at what comes of it.
/// - Throws: what `change` throws, else what `undo` throws; of two failures the other one is recorded.
func undoing(
  _ undo: () async throws -> Void, sourceLocation: SourceLocation = #_sourceLocation,
  after change: () async throws -> Void
) async throws {
  let outcome: Result<Void, any Error>
  do { outcome = .success(try await change()) } catch { outcome = .failure(error) }
  do { try await undo() } catch {
    guard case .failure = outcome else { throw error }
    Issue.record("not put back: \(error)", sourceLocation: sourceLocation)
  }
  try outcome.get()
}
