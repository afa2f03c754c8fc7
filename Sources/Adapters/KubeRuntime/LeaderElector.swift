import Concurrency
import JSON
import KubeClient
import KubeObjects
import Logging

/// Leader election by a Lease (client-go's algorithm): 30 s lease, 20 s renewal deadline, 5 s retry by default. Who does
/// not lead looks once a second, so that a lease which its holder gives back is taken at once: a small read for each
/// standby, where a restart of the leader would otherwise stop every controller for up to 11 s.
public struct LeaderElector: Sendable {
  private let client: KubeClient
  private let key: ObjectKey
  private let identity: String
  private let timing: LeaderMachine.Timing
  private let logger: Logger

  /// Makes an elector for the Lease `name`; `identity` is this process.
  public init(
    client: KubeClient, namespace: String, name: String, identity: String, logger: Logger,
    leaseDuration: Duration = .seconds(30), renewDeadline: Duration = .seconds(20), retryPeriod: Duration = .seconds(5),
    lookPeriod: Duration = .seconds(1)
  ) {
    self.client = client
    key = ObjectKey(namespace: namespace, name: name)
    self.identity = identity
    timing = LeaderMachine.Timing(
      lease: leaseDuration, renewDeadline: renewDeadline, retry: retryPeriod, look: min(lookPeriod, retryPeriod))
    var logger = logger
    logger[metadataKey: "lease"] = "\(key)"
    self.logger = logger
  }

  /// Waits to lead, runs `lead` while leading (cancels it when the lease is lost, then waits again), releases the
  /// lease when the task is cancelled. When `lead` ends by itself, the lease is released and this returns.
  public func run(_ lead: @escaping @Sendable () async -> Void) async {
    var run = ElectionRun(
      machine: LeaderMachine(identity: identity, timing: timing), client: client, key: key, identity: identity,
      logger: logger)
    var actions = run.receive(.due)
    while !actions.isEmpty, !Task.isCancelled, !run.hasFinished {
      let event = await run.perform(actions.removeFirst(), lead)
      // A wait that the end of the task cut short is no reason to renew what is given back next.
      if let event, event != .due || !Task.isCancelled { actions += run.receive(event) }
    }
    // The release must go out although this task is cancelled.
    let ended = run
    await Task {
      var run = ended
      var actions = run.receive(.resign)
      while !actions.isEmpty {
        if let event = await run.perform(actions.removeFirst(), lead) { actions += run.receive(event) }
      }
    }.value
  }
}

/// Carries out the actions of one election.
private struct ElectionRun: Sendable {
  private var machine: LeaderMachine
  private let client: KubeClient
  private let key: ObjectKey
  private let identity: String
  private let logger: Logger
  /// The Lease as last seen, so that what others put into it survives.
  private var lease: JSONValue?
  private var leading: Task<Void, Never>?
  private let finished = Locked(false)

  init(machine: LeaderMachine, client: KubeClient, key: ObjectKey, identity: String, logger: Logger) {
    self.machine = machine
    self.client = client
    self.key = key
    self.identity = identity
    self.logger = logger
  }

  /// Whether `lead` has ended by itself.
  var hasFinished: Bool { finished.withLock { $0 } }

  mutating func receive(_ event: LeaderMachine.Event) -> [LeaderMachine.Action] {
    let holder = machine.holder
    let actions = machine.receive(event, at: .now, wall: .now, random: .random(in: 0..<1))
    if let new = machine.holder, new != holder, !new.isEmpty, new != identity { logger.info("the leader is \(new)") }
    return actions
  }

  mutating func perform(
    _ action: LeaderMachine.Action, _ lead: @escaping @Sendable () async -> Void
  ) async -> LeaderMachine.Event? {
    switch action {
    case .read(let timeout): return await request(KubeRequest("GET", path), timeout)
    case .create(let record, let timeout):
      var object = Lease(name: key.name, namespace: key.namespace).json
      object["spec"] = spec(record, into: [:])
      return await request(KubeRequest("POST", collectionPath, body: object), timeout)
    case .replace(let record, let version, let timeout):
      var object = lease ?? Lease(name: key.name, namespace: key.namespace).json
      object["spec"] = spec(record, into: object["spec"] ?? [:])
      object.set(["metadata", "resourceVersion"], .string(version))
      return await request(KubeRequest("PUT", path, body: object), timeout)
    case .wait(let duration):
      try? await Task.sleep(for: duration)
      return .due
    case .lead:
      logger.info("leading")
      let finished = finished
      leading = Task {
        await lead()
        if !Task.isCancelled { finished.withLock { $0 = true } }
      }
      return nil
    case .stepDown:
      logger.info("no longer leading")
      leading?.cancel()
      await leading?.value
      leading = nil
      return nil
    }
  }

  private var collectionPath: String { "/apis/coordination.k8s.io/v1/namespaces/\(key.namespace)/leases" }
  private var path: String { "\(collectionPath)/\(key.name)" }

  private func spec(_ record: LeaseRecord, into spec: JSONValue) -> JSONValue {
    var spec = spec
    record.write(to: &spec)
    return spec
  }

  private mutating func request(_ request: KubeRequest, _ timeout: Duration) async -> LeaderMachine.Event {
    var request = request
    request.timeout = timeout
    let isRead = request.method == "GET"
    do throws(KubeError) {
      let object = try await sent(request, timeout)
      lease = object
      let record = LeaseRecord(spec: object["spec"] ?? [:])
      let version = object.at("metadata", "resourceVersion")?.string ?? ""
      return isRead ? .found(record, version: version) : .written(record, version: version)
    } catch {
      if isRead, error.isNotFound { return .absent }
      if !error.isCancelled, !error.isConflict { logger.warning("cannot use the lease: \(error)") }
      return .failed(isConflict: error.isConflict || error.isNotFound)
    }
  }

  /// The request's own timeout does not count the waits between retries and for credentials; here all counts.
  private func sent(_ request: KubeRequest, _ timeout: Duration) async throws(KubeError) -> JSONValue {
    let client = client
    let result = await withTaskGroup(of: Result<JSONValue, KubeError>?.self) { group in
      group.addTask { await client.result(of: request) }
      group.addTask {
        try? await Task.sleep(for: timeout)
        return nil
      }
      let first = await group.next() ?? nil
      group.cancelAll()
      return first
    }
    guard let result else {
      throw KubeError(status: 0, reason: KubeError.LocalReason.timeout, message: "no answer within \(timeout)")
    }
    return try result.get()
  }
}

extension KubeClient {
  fileprivate func result(of request: KubeRequest) async -> Result<JSONValue, KubeError> {
    do throws(KubeError) {
      let body = try await send(request).body
      guard let object = try? JSONValue(parsing: body) else {
        throw KubeError(status: 0, reason: KubeError.LocalReason.invalidAnswer, message: "the Lease is not JSON")
      }
      return .success(object)
    } catch {
      return .failure(error)
    }
  }
}
