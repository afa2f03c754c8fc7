import Concurrency
import JSON
import KubeClient
import KubeObjects
import Logging

/// A local copy of the objects of one kind, kept by list and watch (bookmarks, resume, relist on 410).
///
/// `metadata.managedFields` is never stored: nothing reads it and it is the larger half of many objects.
public final class Informer<Resource: KubeResource>: InformerScoped {
  /// An object before and after a change; nil for none.
  public typealias ChangeHandler = @Sendable (Resource?, Resource?) -> Void

  private struct State: Sendable {
    var store = ObjectStore<Resource>()
    var hasSynced = false
    var heard: ContinuousClock.Instant?
    var waiters: [Int: CheckedContinuation<Void, Never>] = [:]
    var nextWaiter = 0
    var handlers: [ChangeHandler] = []
  }

  private let state = Locked(State())
  private let client: KubeClient
  private let namespace: String?
  private let options: ListOptions
  private let logger: Logger
  private let keep: @Sendable (Resource) -> Resource

  /// Pages of a list are smaller than elsewhere: a page is what is in memory at once beside the store.
  private static var pageSize: Int { 100 }

  /// `keep` drops what is not needed of an object before it is stored (memory of large clusters). It has to leave
  /// `metadata.name`, `metadata.namespace` and `metadata.resourceVersion`.
  public init(
    client: KubeClient, namespace: String? = nil, options: ListOptions = ListOptions(), logger: Logger,
    keep: @escaping @Sendable (Resource) -> Resource = { $0 }
  ) {
    self.client = client
    self.namespace = namespace
    var options = options
    if options.limit > Self.pageSize { options.limit = Self.pageSize }
    self.options = options
    var logger = logger
    logger[metadataKey: "kind"] = "\(Resource.type.kind)"
    self.logger = logger
    self.keep = keep
  }

  /// What it lists and watches.
  public var scope: InformerScope {
    InformerScope(type: Resource.type, namespace: namespace, fieldSelector: options.fieldSelector)
  }

  /// Whether the first list is in.
  public var hasSynced: Bool { state.withLock { $0.hasSynced } }

  /// How long ago the server last said something about these objects, if only that nothing has changed, which it does
  /// about once a minute; nil before the first list.
  public var age: Duration? { state.withLock { $0.heard }.map { .now - $0 } }

  /// The object of that name.
  public func get(_ key: ObjectKey) -> Resource? { state.withLock { $0.store.objects[key] } }

  /// All objects, ordered by key.
  public var all: [Resource] {
    let objects = state.withLock { $0.store.objects }
    return objects.sorted { $0.key < $1.key }.map(\.value)
  }

  /// Calls `handler` for every change (old, new; nil for none), from the informer's task, in order. Register before
  /// `run`. The store shows the change already.
  public func onChange(_ handler: @escaping ChangeHandler) { state.withLock { $0.handlers.append(handler) } }

  /// Waits for the first list; returns early when the task is cancelled.
  public func waitForSync() async {
    let id = state.withLock { state in
      state.nextWaiter += 1
      return state.nextWaiter
    }
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let isDone = state.withLock { state in
          if state.hasSynced || Task.isCancelled { return true }
          state.waiters[id] = continuation
          return false
        }
        if isDone { continuation.resume() }
      }
    } onCancel: {
      state.withLock { $0.waiters.removeValue(forKey: id) }?.resume()
    }
  }

  /// Lists and watches until the task is cancelled; never throws, backs off instead.
  public func run() async {
    var machine = WatchMachine()
    var staged: [ObjectKey: Resource] = [:]
    var page: [(ObjectKey, Resource)] = []
    func receive(_ event: WatchMachine.Event) -> [WatchMachine.Action] {
      machine.receive(event, at: .now, random: .random(in: 0..<1))
    }
    var actions = receive(.start)
    while !Task.isCancelled, !actions.isEmpty {
      switch actions.removeFirst() {
      case .list(let continueToken, let isWhole):
        switch await list(continueToken, isWhole: isWhole) {
        case .success(let result):
          page = result.items
          actions += receive(.page(resourceVersion: result.resourceVersion, continueToken: result.continueToken))
        case .failure(let error): actions += receive(.listFailed(error))
        }
      case .stage:
        for (key, object) in page { staged[key] = object }
        page = []
      case .discard: staged = [:]
      case .publish:
        publish(staged)
        staged = [:]
      case .watch(let version): actions += await follow(from: version, receive)
      case .apply: break
      case .wait(let duration):
        try? await Task.sleep(for: duration)
        actions += receive(.waited)
      case .report(let error):
        if !error.isCancelled { logger.warning("cannot list and watch, trying again: \(error)") }
      }
    }
  }

  private func list(_ continueToken: String?, isWhole: Bool) async -> Result<
    KubePage<(ObjectKey, Resource)>, KubeError
  > {
    var options = options
    if isWhole { options.limit = 0 }
    do throws(KubeError) {
      return .success(
        try await client.page(Resource.type, namespace: namespace, options, continueToken: continueToken, kept))
    } catch {
      return .failure(error)
    }
  }

  /// Reads a watch to its end; returns what the machine wants then.
  private func follow(
    from version: String, _ receive: (WatchMachine.Event) -> [WatchMachine.Action]
  ) async -> [WatchMachine.Action] {
    do throws(KubeError) {
      let watch = try await client.openWatch(
        Resource.type, namespace: namespace, options, resourceVersion: version)
      _ = receive(.watchOpened)
      while let event = try await watch.next() {
        let actions: [WatchMachine.Action]
        switch event {
        case .added(let object), .modified(let object), .deleted(let object):
          actions = receive(.change(resourceVersion: object.at("metadata", "resourceVersion")?.string ?? ""))
        case .bookmark(let version): actions = receive(.bookmark(resourceVersion: version))
        case .error(let error): return receive(.watchFailed(error))
        }
        state.withLock { $0.heard = .now }
        if actions.contains(.apply) { apply(event) }
      }
      return receive(.watchEnded)
    } catch {
      return receive(.watchFailed(error))
    }
  }

  private func publish(_ objects: [ObjectKey: Resource]) {
    let (changes, handlers, waiters) = state.withLock { state in
      let changes = state.store.replace(objects)
      state.hasSynced = true
      state.heard = .now
      defer { state.waiters = [:] }
      return (changes, state.handlers, Array(state.waiters.values))
    }
    for change in changes { for handler in handlers { handler(change.old, change.new) } }
    for waiter in waiters { waiter.resume() }
  }

  private func apply(_ event: WatchEvent) {
    let (change, handlers) = state.withLock { state -> (ObjectStore<Resource>.Change?, [ChangeHandler]) in
      switch event {
      case .added(let object), .modified(let object):
        let (key, resource) = kept(object)
        return (state.store.set(key, resource), state.handlers)
      case .deleted(let object): return (state.store.remove(Resource(json: object).key), state.handlers)
      case .bookmark, .error: return (nil, [])
      }
    }
    guard let change else { return }
    for handler in handlers { handler(change.old, change.new) }
  }

  private func kept(_ object: JSONValue) -> (ObjectKey, Resource) {
    var object = object
    object.set(["metadata", "managedFields"], nil)
    let resource = Resource(json: object)
    return (resource.key, keep(resource))
  }
}
