import Concurrency
import KubeClient
import KubeObjects
import KubeRuntime
import Logging
import OdigosObjects
import OpAMP

/// Keeps the InstrumentationInstances of the node as they should be.
///
/// An object is written when what is known of its agent has changed, at most once a second each and forty times a
/// second in all; of several changes meanwhile the last counts.
final class InstanceReporter: Sendable {
  /// What is to be written of a process.
  enum Desired: Sendable {
    case present(AgentSession<AgentPlace>?, configName: String?, name: String)
    case absent
  }

  /// The calls that it makes.
  struct Calls: Sendable {
    var apply: @Sendable (InstrumentationInstance) async throws(KubeError) -> Void
    var applyStatus: @Sendable (InstrumentationInstance) async throws(KubeError) -> Void
    var delete: @Sendable (ObjectKey) async throws(KubeError) -> Void
    /// The time as the API writes it.
    var time: @Sendable () -> String
  }

  private struct Written: Sendable {
    var key: ObjectKey
    var status: InstrumentationInstanceStatus?
    var time: ContinuousClock.Instant
  }
  private struct State: Sendable {
    var written: [AgentPlace: Written] = [:]
    var rate: TokenBucket
  }

  private let calls: Calls
  private let desired: @Sendable (AgentPlace) -> Desired
  private let logger: Logger
  private let start = ContinuousClock.now
  private let state: Locked<State>
  private static let interval = Duration.seconds(1)

  /// `desired` says what is to be written of a place.
  init(calls: Calls, logger: Logger, desired: @escaping @Sendable (AgentPlace) -> Desired) {
    self.calls = calls
    self.logger = logger
    self.desired = desired
    state = Locked(State(rate: TokenBucket(perSecond: 40, burst: 100, now: .zero)))
  }

  /// The controller; `run` it, and `enqueue` the places that have changed.
  func controller() -> Controller<AgentPlace> {
    Controller<AgentPlace>(name: "instrumentation-instances", workers: 4, logger: logger) { [self] place in
      try await reconcile(place)
    }
  }

  /// Takes note of an object that there is already.
  func note(_ instance: InstrumentationInstance, of place: AgentPlace) {
    let written = Written(key: instance.key, status: instance.status, time: start - Self.interval)
    state.withLock { $0.written[place] = written }
  }

  private func reconcile(_ place: AgentPlace) async throws -> ReconcileResult {
    let before = state.withLock { $0.written[place] }
    switch desired(place) {
    case .absent:
      guard let before else { return .done }
      // An id that was given to another process of the pod names that one's object now.
      guard !isTaken(before.key, besides: place) else {
        state.withLock { $0.written[place] = nil }
        return .done
      }
      if let delay = delay() { return .requeue(after: delay) }
      try await calls.delete(before.key)
      state.withLock { $0.written[place] = nil }
      logger.debug("removed the InstrumentationInstance \(before.key)")
      return .done
    case .present(let session, let configName, let name):
      let status = InstanceObject.status(session, previous: before?.status, now: calls.time())
      if let status = before?.status, before?.key.name == name, isWritten(status, place, session) { return .done }
      if let before, before.status != nil {
        let age = ContinuousClock.now - before.time
        if age < Self.interval { return .requeue(after: Self.interval - age) }
      }
      if let delay = delay() { return .requeue(after: delay) }
      return try await write(status, InstanceObject.object(named: name, at: place, configName: configName), place)
    }
  }

  private func isTaken(_ key: ObjectKey, besides place: AgentPlace) -> Bool {
    state.withLock { state in state.written.contains { $0.key != place && $0.value.key == key } }
  }

  private func isWritten(
    _ status: InstrumentationInstanceStatus, _ place: AgentPlace, _ session: AgentSession<AgentPlace>?
  ) -> Bool {
    InstanceObject.status(session, previous: status, now: calls.time()).isSame(as: status)
  }

  private func write(
    _ status: InstrumentationInstanceStatus, _ object: InstrumentationInstance, _ place: AgentPlace
  ) async throws -> ReconcileResult {
    if state.withLock({ $0.written[place] })?.key != object.key {
      try await calls.apply(object)
      state.withLock { $0.written[place] = Written(key: object.key, status: nil, time: .now) }
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
    state.withLock { $0.written[place] = Written(key: object.key, status: status, time: .now) }
    return .done
  }

  /// How long to wait until another object may be written; nil when one may be now.
  private func delay() -> Duration? {
    let now = ContinuousClock.now - start
    return state.withLock { state in state.rate.take(at: now) ? nil : max(state.rate.delay(at: now), .milliseconds(10))
    }
  }
}

extension InstanceReporter.Calls {
  /// Calls to the API server.
  init(_ client: KubeClient) {
    self.init(
      apply: { instance throws(KubeError) in
        try await client.apply(instance, fieldManager: OdigletName.fieldManager)
      },
      applyStatus: { instance throws(KubeError) in
        try await client.apply(instance, fieldManager: OdigletName.fieldManager, subresource: .status)
      },
      delete: { key throws(KubeError) in try await client.delete(InstrumentationInstance.self, key) },
      time: { KubeTime.now.text })
  }
}
