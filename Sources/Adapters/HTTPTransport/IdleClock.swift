import EventLoop

/// Tells when a connection without requests is to be ended. Bytes do not count, requests do: a peer that sends one
/// byte now and then, or PINGs, does not keep a connection for ever.
struct IdleClock {
  enum Verdict: Equatable {
    case stay
    /// It has been idle for long enough: tell the peer.
    case drain
    /// The peer was told and has not gone.
    case close
  }

  private var idleSince: MonotonicInstant
  private var seenRequests = 0
  private var drainedAt: MonotonicInstant?

  init(_ now: MonotonicInstant) { idleSince = now }

  /// To be asked now and then, with the number of requests that have begun so far.
  mutating func verdict(requests: Int, isIdle: Bool, limits: HTTPLimits, at now: MonotonicInstant) -> Verdict {
    if !isIdle || requests != seenRequests {
      seenRequests = requests
      idleSince = now
      return .stay
    }
    if let drainedAt { return drainedAt.advanced(by: limits.requestTimeout) <= now ? .close : .stay }
    guard idleSince.advanced(by: limits.idleTimeout) <= now else { return .stay }
    drainedAt = now
    return .drain
  }
}
