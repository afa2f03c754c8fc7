import EventLoop

/// What closing a connection would cost its peer: decides which one makes room when a server is full.
enum ConnectionStanding: Equatable {
  /// Nothing: all is said.
  case over
  /// The peer has yet to show that it means well: it has not brought a first request to its end, or takes no more of
  /// a response, since then.
  case owes(since: MonotonicInstant)
  /// Requests were answered, and none is under way, since then.
  case idle(since: MonotonicInstant)
  /// A request is under way.
  case busy

  /// How long a peer may owe something before it stands behind those that are idle.
  static let patience = Duration.seconds(1)

  /// The place of the connection to close, the least useful one; nil when all are busy.
  ///
  /// Those who open connections and are slow on purpose go before the idle ones of honest peers; among the slow, the
  /// oldest goes, so that everybody has as long to send a request as it takes to fill the server with connections.
  static func leastUseful(_ standings: [ConnectionStanding], at now: MonotonicInstant) -> Int? {
    var best: (rank: Int, since: MonotonicInstant, place: Int)?
    for (place, standing) in standings.enumerated() {
      guard let (rank, since) = standing.order(at: now) else { continue }
      if let known = best, (known.rank, known.since) <= (rank, since) { continue }
      best = (rank, since, place)
    }
    return best?.place
  }

  private func order(at now: MonotonicInstant) -> (rank: Int, since: MonotonicInstant)? {
    switch self {
    case .over: (0, MonotonicInstant(nanoseconds: 0))
    case .owes(let since): (since.advanced(by: Self.patience) <= now ? 1 : 3, since)
    case .idle(let since): (2, since)
    case .busy: nil
    }
  }
}
