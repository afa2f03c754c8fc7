import Concurrency
import KubeClient
import KubeObjects
import KubeRuntime
import Logging
import OdigosObjects
import OpAMP

/// Writes InstrumentationInstances, each when what is known of its agent has changed, at most once a second, and when it is
/// its turn; of several changes meanwhile the last counts.
final class InstanceWriter: Sendable {
  /// When to look at a place, for it is its turn then.
  struct Turn: Sendable {
    var place: AgentPlace
    var delay: Duration
  }

  private struct Written: Sendable {
    var key: ObjectKey
    var status: InstrumentationInstanceStatus?
    var time: ContinuousClock.Instant
    var details = TokenBucket(perSecond: InstanceWriter.detailsPerSecond, burst: 8, now: .zero)
  }
  private struct State: Sendable {
    var written: [AgentPlace: Written] = [:]
    /// Since when there should be objects that there are not yet.
    var wanted: [AgentPlace: ContinuousClock.Instant] = [:]
    var schedule = WriteSchedule<AgentPlace>(now: .zero)
    var pods = Allowances<String>(perSecond: 2, burst: 256)
  }

  private let calls: InstanceReporter.Calls
  private let desired: @Sendable (AgentPlace) -> InstanceReporter.Desired
  private let onTurn: @Sendable (Turn) -> Void
  private let logger: Logger
  private let start = ContinuousClock.now
  private let state = Locked(State())
  private static let interval = Duration.seconds(1)
  /// How often what only says more of an agent is written in the long run: some count, or tell the time.
  private static let detailsPerSecond = 1.0 / 30
  /// How long a new agent may take to say what became of its configuration, which it gets with the first answer: then
  /// its object is complete when it is made, and not written twice.
  private static let settling = Duration.milliseconds(500)

  /// Whom `onTurn` names is to be given to `reconcile` then.
  init(
    calls: InstanceReporter.Calls, logger: Logger,
    desired: @escaping @Sendable (AgentPlace) -> InstanceReporter.Desired, onTurn: @escaping @Sendable (Turn) -> Void
  ) {
    self.calls = calls
    self.logger = logger
    self.desired = desired
    self.onTurn = onTurn
  }

  /// How many objects wait for their turn.
  var waitingCount: Int { state.withLock { $0.schedule.count } }

  /// Takes note of an object that there is already.
  func note(_ instance: InstrumentationInstance, of place: AgentPlace) {
    let written = Written(key: instance.key, status: instance.status, time: start - Self.interval)
    // What has been written meanwhile is newer.
    state.withLock { if $0.written[place] == nil { $0.written[place] = written } }
  }

  /// Whether an object of this name was written since the start, or is noted.
  func knows(_ key: ObjectKey) -> Bool { state.withLock { state in state.written.values.contains { $0.key == key } } }

  /// Looks at a place, and writes what is to be written if it is its turn; else it waits for that.
  func reconcile(_ place: AgentPlace) async throws -> ReconcileResult {
    defer { pass { $0.finish(place) } }
    switch desired(place) {
    case .absent: return try await remove(place)
    case .present(let session, let configName, let name):
      let before = state.withLock { $0.written[place] }
      let status = InstanceObject.status(session, previous: before?.status, now: calls.time())
      if let written = before?.status, before?.key.name == name, status.isSame(as: written) { return rest(place) }
      if let pause = pause(place, before) { return .requeue(after: pause) }
      let urgency = Self.urgency(status, before: before?.status)
      let delay = entry(of: place, urgency)
      guard delay == .zero else { return .requeue(after: delay) }
      guard isTurn(of: place, urgency) else { return .done }
      return try await write(status, InstanceObject.object(named: name, at: place, configName: configName), place)
    }
  }

  /// There is nothing to write.
  private func rest(_ place: AgentPlace) -> ReconcileResult {
    state.withLock { state in
      state.wanted[place] = nil
      state.schedule.withdraw(place)
    }
    return .done
  }

  /// How long to wait in any case; nil for not at all.
  private func pause(_ place: AgentPlace, _ before: Written?) -> Duration? {
    let now = ContinuousClock.now
    let due = state.withLock { state in
      if let before { return before.status == nil ? now : before.time + Self.interval }
      let since = state.wanted[place] ?? now
      state.wanted[place] = since
      return since + Self.settling
    }
    return due > now ? due - now : nil
  }

  /// How long its pod, or it, has to wait because so much was written of it already: what one pod's agents say must
  /// neither fill the API server's store nor keep those of others from being told of. Who waits for a turn already has
  /// been let in: turns that nobody may use would be taken from others.
  private func entry(of place: AgentPlace, _ urgency: WriteSchedule<AgentPlace>.Urgency) -> Duration {
    let now = ContinuousClock.now - start
    return state.withLock { state in
      guard !state.schedule.has(place) else { return .zero }
      let details = urgency == .details ? state.written[place]?.details.delay(at: now) : nil
      let delay = max(state.pods.delay(place.podUID, at: now), details ?? .zero)
      guard delay == .zero else { return delay }
      _ = state.pods.take(place.podUID, at: now)
      if urgency == .details { _ = state.written[place]?.details.take(at: now) }
      return .zero
    }
  }

  private static func urgency(
    _ status: InstrumentationInstanceStatus, before: InstrumentationInstanceStatus?
  ) -> WriteSchedule<AgentPlace>.Urgency {
    let isUnhealthy = status.healthy == false
    guard let before else { return isUnhealthy && status.reason != AgentState.starting ? .unhealthy : .new }
    if status.healthy == before.healthy { return .details }
    return isUnhealthy ? .unhealthy : .better
  }

  // MARK: Calls

  private func remove(_ place: AgentPlace) async throws -> ReconcileResult {
    guard let before = state.withLock({ $0.written[place] }) else { return rest(place) }
    // An id that was given to another process of the pod names that one's object now.
    guard !isTaken(before.key, besides: place) else {
      state.withLock { $0.written[place] = nil }
      return rest(place)
    }
    guard isTurn(of: place, .gone) else { return .done }
    try await calls.delete(before.key)
    state.withLock { $0.written[place] = nil }
    logger.debug("removed the InstrumentationInstance \(before.key)")
    return .done
  }

  private func isTaken(_ key: ObjectKey, besides place: AgentPlace) -> Bool {
    state.withLock { state in state.written.contains { $0.key != place && $0.value.key == key } }
  }

  private func write(
    _ status: InstrumentationInstanceStatus, _ object: InstrumentationInstance, _ place: AgentPlace
  ) async throws -> ReconcileResult {
    if state.withLock({ $0.written[place] })?.key != object.key {
      try await calls.apply(object)
      state.withLock { state in
        state.written[place] = Written(key: object.key, status: nil, time: .now)
        state.wanted[place] = nil
      }
    }
    var patch = InstrumentationInstance(name: object.name, namespace: object.key.namespace)
    patch.status = status
    do throws(KubeError) {
      try await calls.applyStatus(patch)
    } catch {
      // Somebody has deleted it; the next attempt makes it anew.
      if error.isNotFound { state.withLock { $0.written[place] = nil } }
      throw error
    }
    state.withLock { state in
      state.written[place]?.status = status
      state.written[place]?.time = .now
    }
    return .done
  }

  // MARK: Turns

  /// Whether it may be written now; else it waits for its turn.
  private func isTurn(of place: AgentPlace, _ urgency: WriteSchedule<AgentPlace>.Urgency) -> Bool {
    pass(besides: place) { $0.ask(place, urgency) }
    return state.withLock { $0.schedule.isGranted(place) }
  }

  /// Changes the schedule, and tells the others whose turn it is by that.
  private func pass(besides place: AgentPlace? = nil, _ change: (inout WriteSchedule<AgentPlace>) -> Void) {
    let now = ContinuousClock.now - start
    let (granted, next) = state.withLock { state in
      change(&state.schedule)
      return (state.schedule.grant(at: now), state.schedule.delay(at: now))
    }
    for other in granted where other != place { onTurn(Turn(place: other, delay: .zero)) }
    if let next { onTurn(Turn(place: next.key, delay: next.delay)) }
  }
}
