import Concurrency
import KubeObjects
import OdigosObjects
import Policy

/// What becomes of the pods of one workload; made when something changes, not while a pod waits.
enum AdmissionEntry: Sendable {
  /// They get their agents.
  case inject(InjectionFacts)
  /// They stay as they are, for that reason.
  case leave(Reason)
}

/// What admission knows: an immutable entry for every workload that somebody opted in. Written when a cache changes,
/// read by the webhook; a reader waits no longer than it takes to make one entry.
final class AdmissionTable: Sendable {
  private struct State: Sendable {
    var entries: [WorkloadReference: AdmissionEntry] = [:]
    var settings: InjectionSettings?
    /// How many makings of settings have begun, and which of them the present ones are of.
    var begun = 0
    var taken = 0
  }
  private let state = Locked(State())
  private let config: @Sendable (ObjectKey) -> InstrumentationConfig?
  private let podSecurity: @Sendable (String) -> PodSecurityLevel

  /// `config` looks an InstrumentationConfig up as it is now, `podSecurity` what a namespace enforces.
  init(
    config: @escaping @Sendable (ObjectKey) -> InstrumentationConfig?,
    podSecurity: @escaping @Sendable (String) -> PodSecurityLevel = { _ in .privileged }
  ) {
    self.config = config
    self.podSecurity = podSecurity
  }

  /// The entry of a workload; nil when nobody opted it in.
  func entry(_ workload: WorkloadReference) -> AdmissionEntry? { state.withLock { $0.entries[workload] } }

  /// How many workloads have entries.
  var count: Int { state.withLock { $0.entries.count } }

  /// Makes the entry of an InstrumentationConfig anew, or drops it when that is gone.
  func refresh(_ key: ObjectKey) {
    guard let workload = WorkloadReference(instrumentationConfigName: key.name, namespace: key.namespace) else {
      return
    }
    // Looked up inside of the lock: of two threads that refresh one entry, the later one has the later object.
    state.withLock { state in
      guard let config = config(key), config.metadata.deletionTimestamp == nil else {
        state.entries[workload] = nil
        return
      }
      state.entries[workload] = Self.entry(config, state.settings, podSecurity(workload.namespace))
    }
  }

  /// Takes over changed settings, which concern every workload; nil while there are none.
  ///
  /// - Parameter make: makes them of what the caches have now. Several threads may be at it, and one that is slow may
  ///   have read them before another's change: what was begun first never takes the place of what was begun later.
  func change(_ make: () -> InjectionSettings?) {
    let number = state.withLock { state in
      state.begun += 1
      return state.begun
    }
    let settings = make()
    let workloads: [WorkloadReference] = state.withLock { state in
      guard number > state.taken else { return [] }
      state.taken = number
      if state.settings == settings { return [] }
      state.settings = settings
      return Array(state.entries.keys)
    }
    for workload in workloads {
      refresh(ObjectKey(namespace: workload.namespace, name: workload.instrumentationConfigName))
    }
  }

  /// Makes the entries of a namespace anew.
  func refresh(namespace: String) {
    let workloads = state.withLock { state in state.entries.keys.filter { $0.namespace == namespace } }
    for workload in workloads {
      refresh(ObjectKey(namespace: namespace, name: workload.instrumentationConfigName))
    }
  }

  private static func entry(
    _ config: InstrumentationConfig, _ settings: InjectionSettings?, _ podSecurity: PodSecurityLevel
  ) -> AdmissionEntry {
    guard let settings else {
      let text =
        "There is no ConfigMap \(OdigosName.effectiveConfiguration) yet that can be used; the scheduler makes it."
      return .leave(Reason(.injectionDisabled, text))
    }
    do {
      return .inject(try InjectionFacts(instrumentationConfig: config, settings: settings, podSecurity: podSecurity))
    } catch {
      return .leave(error)
    }
  }
}
