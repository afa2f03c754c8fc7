/// Which socket a path leads to at a moment; one that was made anew has another identity under the same path.
public struct SocketIdentity: Sendable, Hashable {
  /// The inode's number.
  public var inode: UInt64
  /// When the socket was made, in nanoseconds since 1970: inode numbers are used again.
  public var modificationTime: Int64
  /// Makes an identity.
  public init(inode: UInt64, modificationTime: Int64) {
    self.inode = inode
    self.modificationTime = modificationTime
  }
}

/// The plugin's side of registration with a kubelet, as a value: what happened in, what to do out.
///
/// A kubelet that starts makes its socket anew, deletes every other socket in the directory and has forgotten all
/// plugins. So whenever its socket is another one, or ours is gone, the plugin is served anew and then registered. What
/// fails is tried again for ever, 50 ms to 1 s apart: on the node itself an attempt costs next to nothing, and a node
/// that could offer its devices shall do so within a second. A result that belongs to an earlier attempt is ignored.
///
/// That the kubelet accepts a registration is not enough: it offers devices only as long as it has a stream open on which
/// it follows them (`ListAndWatch`), and opens none anew by itself. So a plugin is registered while there is one, and
/// one that is lost for a second is a reason to register anew: the kubelet was killed, or has dropped the plugin.
///
/// Others can follow the devices, too, such as a tool of somebody who looks for a fault. So where the kernel tells who
/// listens at the kubelet's socket and who reads the streams, only those of that process count. Should a kubelet be in
/// two processes, another one's count once none of its own has come in time (`countsEveryProcess`): no node is without
/// devices because of who its kubelet is.
///
///     absent --appeared--> pending --accepted, stream opened--> registered
///       ^  gone              |  ^ failed, own socket gone, stream lost |
///       +--------------------+--+--------------------------------------+
public struct RegistrationMachine: Sendable {
  /// What happened.
  public enum Event: Sendable, Equatable {
    /// The directory was looked at. One event for both sockets: a kubelet that starts makes its own anew and deletes
    /// ours, which is one reason to register and not two.
    ///
    /// - Parameters:
    ///   - kubelet: the kubelet's socket; nil when it is not there.
    ///   - isOwnSocketGone: whether the socket that we serve on is not there any more, or is another one.
    case looked(kubelet: SocketIdentity?, isOwnSocketGone: Bool)
    /// The kubelet accepted that attempt's registration; `by` is the process that listens at its socket, nil where it
    /// cannot be seen.
    case registered(attempt: Int, by: Int32?)
    /// Serving failed in that attempt.
    case servingFailed(attempt: Int, reason: String)
    /// The kubelet did not accept that attempt's registration.
    case failed(attempt: Int, reason: String)
    /// Time went by, or streams have come or gone; `watchers` are who follows our devices on the present socket: the
    /// process of each stream, nil where it cannot be seen.
    case tick(watchers: [Int32?])
  }

  /// What to do, in the order given.
  public enum Action: Sendable, Equatable {
    /// Stop serving, if serving, remove the socket, and serve anew.
    case serve(attempt: Int)
    /// Call the kubelet's `Register`, unless serving failed; report the result with this number.
    case register(attempt: Int)
    /// Say whether the node offers our devices.
    case report(State)
    /// Give a tick when that time has passed.
    case wake(after: Duration)
  }

  /// How registration stands.
  public enum State: Sendable, Equatable {
    /// There is no kubelet.
    case absent
    /// An attempt is under way, or accepted and the kubelet has yet to follow the devices.
    case pending
    /// The kubelet follows the devices.
    case registered
    /// The last attempt failed.
    case failed(reason: String)
  }

  /// How registration stands.
  public private(set) var state = State.absent
  /// Whether streams of other processes than the one that listens at the kubelet's socket count: that one has accepted
  /// the registration, and in its time another one has followed the devices, but not it itself.
  public private(set) var countsEveryProcess = false
  /// Which process listens at the kubelet's socket; nil where it cannot be seen.
  private var kubeletProcess: Int32?
  private var kubelet: SocketIdentity?
  private var serves = false
  private var attempt = 0
  private var failures = 0
  /// When to try again, by the clock of `receive`.
  private var retryTime: Duration?
  /// Since when a plugin that the kubelet has accepted has had no watcher; nil where it has one or is not accepted.
  private var unwatchedSince: Duration?

  /// The longest pause between attempts.
  static let longestPause = Duration.seconds(1)
  private static let shortestPause = Duration.milliseconds(50)
  /// How long the kubelet may take to open its stream after it accepted a registration.
  static let openingGrace = Duration.seconds(10)
  /// How long there may be no stream once there was one: a kubelet that was told of the plugin twice, because an answer
  /// of it was lost, changes over to a newer one.
  static let changeoverGrace = Duration.seconds(1)

  /// The machine at the start: not serving, nothing known of a kubelet.
  public init() {}

  /// Takes an event at a time of a monotonic clock.
  public mutating func receive(_ event: Event, at now: Duration) -> [Action] {
    switch event {
    case .looked(let identity, let isOwnSocketGone): return look(identity, isOwnSocketGone: isOwnSocketGone)
    case .registered(let number, let process):
      guard number == attempt, state == .pending, unwatchedSince == nil else { return [] }
      failures = 0
      kubeletProcess = process
      unwatchedSince = now
      return []
    case .servingFailed(let number, let reason):
      guard number == attempt else { return [] }
      serves = false
      return fail(reason, at: now)
    case .failed(let number, let reason):
      guard number == attempt, state == .pending else { return [] }
      return fail(reason, at: now)
    case .tick(let watchers): return tick(watchers: watchers, at: now)
    }
  }

  private mutating func look(_ identity: SocketIdentity?, isOwnSocketGone: Bool) -> [Action] {
    let hasLostSocket = serves && isOwnSocketGone
    if hasLostSocket { serves = false }
    guard let identity else {
      guard kubelet != nil else { return [] }
      kubelet = nil
      abandonAttempt()
      return change(to: .absent)
    }
    let isNew = identity != kubelet
    kubelet = identity
    if isNew {
      failures = 0
      countsEveryProcess = false
    }
    return isNew || hasLostSocket ? serveAndRegister() : []
  }

  private mutating func fail(_ reason: String, at now: Duration) -> [Action] {
    let pause = pause
    retryTime = now + pause
    failures += 1
    return change(to: .failed(reason: reason)) + [.wake(after: pause)]
  }

  private mutating func tick(watchers: [Int32?], at now: Duration) -> [Action] {
    switch state {
    case .failed:
      guard kubelet != nil, let retryTime, now >= retryTime else { return [] }
      return serves ? register() : serveAndRegister()
    case .pending:
      guard let since = unwatchedSince else { return [] }
      let isLate = now - since >= Self.openingGrace
      if isLate, !watchers.isEmpty { countsEveryProcess = true }
      if isFollowed(by: watchers) {
        unwatchedSince = nil
        return change(to: .registered)
      }
      guard isLate else { return [] }
      serves = false
      return fail("the kubelet accepts the registration, but does not ask for the devices", at: now)
    case .registered:
      guard !isFollowed(by: watchers) else {
        unwatchedSince = nil
        return []
      }
      guard let since = unwatchedSince else {
        unwatchedSince = now
        return [.wake(after: Self.changeoverGrace)]
      }
      return now - since >= Self.changeoverGrace ? serveAndRegister() : []
    case .absent: return []
    }
  }

  /// Whether the kubelet is among who follows the devices.
  private mutating func isFollowed(by watchers: [Int32?]) -> Bool {
    guard let kubeletProcess else { return !watchers.isEmpty }
    if watchers.contains(where: { $0 == nil || $0 == kubeletProcess }) {
      // It speaks for itself.
      countsEveryProcess = false
      return true
    }
    return countsEveryProcess && !watchers.isEmpty
  }

  private var pause: Duration { min(Self.shortestPause * (1 << min(failures, 5)), Self.longestPause) }

  private mutating func abandonAttempt() {
    attempt += 1
    retryTime = nil
    unwatchedSince = nil
  }

  private mutating func serveAndRegister() -> [Action] {
    abandonAttempt()
    serves = true
    return [.serve(attempt: attempt), .register(attempt: attempt)] + change(to: .pending)
  }

  private mutating func register() -> [Action] {
    abandonAttempt()
    return [.register(attempt: attempt)] + change(to: .pending)
  }

  private mutating func change(to new: State) -> [Action] {
    guard new != state else { return [] }
    state = new
    return [.report(new)]
  }
}
