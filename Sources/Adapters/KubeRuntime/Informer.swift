import JSON
import KubeClient
import KubeObjects
import Logging

// CONTRACT, to be implemented by the owner of this target.

/// A local copy of the objects of one kind, kept by list and watch (bookmarks, resume, relist on 410).
public final class Informer<Resource: KubeResource>: Sendable {
  /// `keep` drops what is not needed of an object before it is stored (memory of large clusters).
  public init(
    client: KubeClient, namespace: String? = nil, options: ListOptions = ListOptions(), logger: Logger,
    keep: @escaping @Sendable (Resource) -> Resource = { $0 }
  ) {}
  /// Lists and watches until the task is cancelled; never throws, backs off instead.
  public func run() async {}
  /// Whether the first list is in.
  public var hasSynced: Bool { false }
  /// Waits for the first list.
  public func waitForSync() async {}
  /// The object of that name.
  public func get(_ key: ObjectKey) -> Resource? { nil }
  /// All objects, ordered by key.
  public var all: [Resource] { [] }
  /// Calls `handler` for every change (old, new; nil for none), from the informer's task, in order. Register before `run`.
  public func onChange(_ handler: @escaping @Sendable (Resource?, Resource?) -> Void) {}
}
