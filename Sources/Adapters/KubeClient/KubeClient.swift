import JSON
import KubeObjects

// CONTRACT, to be implemented by the owner of this target.

/// What the API server, or the way to it, answered instead of the object.
public struct KubeError: Error, Sendable, CustomStringConvertible {
  /// The HTTP status; 0 when there was no answer.
  public var status: Int
  /// `reason` of the Status object, such as "NotFound", "AlreadyExists", "Conflict", "Gone", "Expired".
  public var reason: String
  /// The message.
  public var message: String
  /// Makes the error.
  public init(status: Int, reason: String, message: String) {
    self.status = status
    self.reason = reason
    self.message = message
  }
  /// No such object or kind.
  public var isNotFound: Bool { status == 404 }
  /// Someone else changed or made the object.
  public var isConflict: Bool { status == 409 }
  /// The reason and the message.
  public var description: String { "\(reason.isEmpty ? String(status) : reason): \(message)" }
}

/// Which objects a list or a watch is about.
public struct ListOptions: Sendable, Equatable {
  /// As `kubectl -l`.
  public var labelSelector: String?
  /// As `--field-selector`.
  public var fieldSelector: String?
  /// Objects a page.
  public var limit = 500
  /// Makes options.
  public init(labelSelector: String? = nil, fieldSelector: String? = nil) {
    self.labelSelector = labelSelector
    self.fieldSelector = fieldSelector
  }
}

/// How `patch` changes an object.
public enum PatchType: String, Sendable {
  case merge = "application/merge-patch+json"
  case json = "application/json-patch+json"
  case strategicMerge = "application/strategic-merge-patch+json"
  case apply = "application/apply-patch+yaml"
}

/// A part of an object that is served by itself.
public enum Subresource: String, Sendable { case status, scale, token }

/// What deletion does with dependents.
public enum DeletionPropagation: String, Sendable {
  case background = "Background"
  case foreground = "Foreground"
  case orphan = "Orphan"
}

/// One page after the other, joined.
public struct KubeList: Sendable {
  /// The objects.
  public var items: [JSONValue]
  /// From where a watch goes on.
  public var resourceVersion: String
}

/// What a watch tells.
public enum WatchEvent: Sendable {
  case added(JSONValue)
  case modified(JSONValue)
  case deleted(JSONValue)
  /// Nothing changed up to this version.
  case bookmark(resourceVersion: String)
  /// The server ended the watch (410 Gone means: list anew).
  case error(KubeError)
}

/// A client of one API server. Requests below are by `ResourceType`; the typed ones by `KubeResource` wrap them.
public final class KubeClient: Sendable {
  /// Credentials: `KUBECONFIG`/`~/.kube/config` when present or asked for, else the pod's service account.
  public static func connect(kubeconfig: String? = nil, context: String? = nil) throws(KubeError) -> KubeClient {
    throw KubeError(status: 0, reason: "", message: "not here yet")
  }
  /// `gitVersion` of the server, such as "v1.20.2", with major and minor as numbers.
  public func serverVersion() async throws(KubeError) -> (gitVersion: String, major: Int, minor: Int) {
    throw KubeError(status: 0, reason: "", message: "not here yet")
  }
  /// GET of any path, such as "/apis/apps/v1", parsed.
  public func raw(_ path: String) async throws(KubeError) -> JSONValue {
    throw KubeError(status: 0, reason: "", message: "not here yet")
  }
  /// Reads an object.
  public func get(_ type: ResourceType, _ key: ObjectKey) async throws(KubeError) -> JSONValue {
    throw KubeError(status: 0, reason: "", message: "not here yet")
  }
  /// Lists all pages; namespace nil is all namespaces.
  public func list(_ type: ResourceType, namespace: String?, _ options: ListOptions = ListOptions())
    async throws(KubeError) -> KubeList
  { throw KubeError(status: 0, reason: "", message: "not here yet") }
  /// Watches from a version, with bookmarks.
  public func watch(
    _ type: ResourceType, namespace: String?, _ options: ListOptions = ListOptions(), resourceVersion: String
  ) async throws(KubeError) -> AsyncThrowingStream<WatchEvent, any Error> {
    throw KubeError(status: 0, reason: "", message: "not here yet")
  }
  /// Creates an object; its namespace is the one in its metadata.
  public func create(_ type: ResourceType, _ object: JSONValue) async throws(KubeError) -> JSONValue {
    throw KubeError(status: 0, reason: "", message: "not here yet")
  }
  /// Replaces an object (its resourceVersion guards it).
  public func update(_ type: ResourceType, _ object: JSONValue, subresource: Subresource? = nil) async throws(KubeError)
    -> JSONValue
  { throw KubeError(status: 0, reason: "", message: "not here yet") }
  /// Patches an object. `fieldManager` is required for `.apply`; `force` takes fields over from other managers.
  public func patch(
    _ type: ResourceType, _ key: ObjectKey, _ kind: PatchType, _ body: JSONValue, subresource: Subresource? = nil,
    fieldManager: String? = nil, force: Bool = false
  ) async throws(KubeError) -> JSONValue { throw KubeError(status: 0, reason: "", message: "not here yet") }
  /// Deletes an object; one that is gone is no error.
  public func delete(
    _ type: ResourceType, _ key: ObjectKey, propagation: DeletionPropagation = .background,
    gracePeriodSeconds: Int? = nil
  ) async throws(KubeError) { throw KubeError(status: 0, reason: "", message: "not here yet") }
  /// Ends the client's thread.
  public func shutdown() {}
}

extension KubeClient {
  /// Reads an object; nil when there is none.
  public func get<Resource: KubeResource>(_: Resource.Type, _ key: ObjectKey) async throws(KubeError) -> Resource? {
    do { return Resource(json: try await get(Resource.type, key)) } catch {
      if error.isNotFound { return nil }
      throw error
    }
  }
  /// Lists all pages; namespace nil is all namespaces.
  public func list<Resource: KubeResource>(
    _: Resource.Type, namespace: String? = nil, _ options: ListOptions = ListOptions()
  ) async throws(KubeError) -> [Resource] {
    try await list(Resource.type, namespace: namespace, options).items.map(Resource.init(json:))
  }
  /// Server-side apply of what we own of an object.
  @discardableResult
  public func apply<Resource: KubeResource>(_ object: Resource, fieldManager: String, subresource: Subresource? = nil)
    async throws(KubeError) -> Resource
  {
    Resource(
      json: try await patch(
        Resource.type, object.key, .apply, object.json, subresource: subresource, fieldManager: fieldManager,
        force: true))
  }
  /// Deletes an object; one that is gone is no error.
  public func delete<Resource: KubeResource>(_: Resource.Type, _ key: ObjectKey) async throws(KubeError) {
    try await delete(Resource.type, key)
  }
}
