import HTTPClient
import JSON
import KubeObjects

/// How long the server lets a watch run; it ends it then, and a new one goes on.
private let watchSeconds = 290

extension KubeClient {
  /// `gitVersion` of the server, such as "v1.20.2", with major and minor as numbers.
  public func serverVersion() async throws(KubeError) -> (gitVersion: String, major: Int, minor: Int) {
    let version = try await raw("/version")
    // Some distributions write a minor version such as "20+".
    func number(_ field: String) -> Int? { Int(version[field]?.string?.prefix { $0.isNumber } ?? "") }
    guard let text = version["gitVersion"]?.string, let major = number("major"), let minor = number("minor") else {
      throw .answer("/version has no gitVersion, major or minor")
    }
    return (text, major, minor)
  }

  /// GET of any path, such as "/apis/apps/v1", parsed.
  public func raw(_ path: String) async throws(KubeError) -> JSONValue { try await object(KubeRequest("GET", path)) }

  /// Reads an object.
  public func get(_ type: ResourceType, _ key: ObjectKey) async throws(KubeError) -> JSONValue {
    try await object(KubeRequest("GET", try type.path(key)))
  }

  /// Lists all pages; namespace nil is all namespaces. A list that expires while it is read begins anew.
  public func list(_ type: ResourceType, namespace: String?, _ options: ListOptions = ListOptions())
    async throws(KubeError) -> KubeList
  {
    var options = options
    var items: [JSONValue] = []
    var continueToken: String?
    while true {
      do throws(KubeError) {
        let page = try await page(type, namespace: namespace, options, continueToken: continueToken) { $0 }
        items += page.items
        guard let next = page.continueToken else {
          return KubeList(items: items, resourceVersion: page.resourceVersion)
        }
        continueToken = next
      } catch {
        guard error.isGone, continueToken != nil else { throw error }
        items = []
        continueToken = nil
        // The collection changes faster than its pages are read; all at once cannot expire.
        options.limit = 0
      }
    }
  }

  /// Reads one page of a list and makes something of each object at once, so that the objects themselves are never
  /// all in memory. Status 410 with a `continueToken` means: begin anew.
  public func page<Element: Sendable>(
    _ type: ResourceType, namespace: String?, _ options: ListOptions, continueToken: String?,
    _ transform: (JSONValue) -> Element
  ) async throws(KubeError) -> KubePage<Element> {
    var request = KubeRequest("GET", type.path(namespace: namespace))
    request.query = options.query(continueToken: continueToken)
    request.accept = options.listAccept
    request.timeout = .seconds(60)
    let list = try await document(request).root
    guard let elements = list["items"], let version = list["metadata"]?["resourceVersion"]?.string else {
      throw .answer("the answer to \(request.summary) is no list")
    }
    var items: [Element] = []
    for element in elements.elements {
      var object = element.value
      // Lists leave out what is the same for all.
      if options.isMetadataOnly || object["kind"] == nil { object["kind"] = .string(type.kind) }
      if options.isMetadataOnly || object["apiVersion"] == nil { object["apiVersion"] = .string(type.apiVersion) }
      items.append(transform(object))
    }
    let token = list["metadata"]?["continue"]?.string
    return KubePage(
      items: items, resourceVersion: version, continueToken: token.flatMap { $0.isEmpty ? nil : $0 })
  }

  /// Watches from a version, with bookmarks. The stream ends when the server ends the watch, which it does every few
  /// minutes, and fails with a `KubeError` when the connection breaks. Dropping it ends the watch.
  public func watch(
    _ type: ResourceType, namespace: String?, _ options: ListOptions = ListOptions(), resourceVersion: String
  ) async throws(KubeError) -> AsyncThrowingStream<WatchEvent, any Error> {
    let reader = try await openWatch(type, namespace: namespace, options, resourceVersion: resourceVersion)
    return AsyncThrowingStream { try await reader.next() }
  }

  /// As `watch`, with typed errors and an event at a time.
  public func openWatch(
    _ type: ResourceType, namespace: String?, _ options: ListOptions = ListOptions(), resourceVersion: String
  ) async throws(KubeError) -> WatchReader {
    var request = KubeRequest("GET", type.path(namespace: namespace))
    request.query = options.watchQuery(resourceVersion: resourceVersion, timeoutSeconds: watchSeconds)
    request.accept = options.watchAccept
    request.timeout = nil
    let sent = request
    return WatchReader(stream: try await stream(sent)) { self.failure($0, sent) }
  }

  /// Creates an object; its namespace is the one in its metadata.
  public func create(_ type: ResourceType, _ object: JSONValue) async throws(KubeError) -> JSONValue {
    let namespace = object.at("metadata", "namespace")?.string
    guard !type.isNamespaced || namespace?.isEmpty == false else {
      let name = object.at("metadata", "name")?.string ?? "object"
      throw .configuration("\(type.kind) \(name) has no metadata.namespace")
    }
    return try await self.object(KubeRequest("POST", type.path(namespace: namespace), body: object))
  }

  /// Replaces an object (its resourceVersion guards it).
  public func update(_ type: ResourceType, _ object: JSONValue, subresource: Subresource? = nil) async throws(KubeError)
    -> JSONValue
  {
    let key = ObjectKey(
      namespace: object.at("metadata", "namespace")?.string ?? "", name: object.at("metadata", "name")?.string ?? "")
    return try await self.object(
      KubeRequest("PUT", try type.path(key, subresource: subresource), body: object))
  }

  /// Patches an object. `fieldManager` is required for `.apply`; `force` takes fields over from other managers.
  public func patch(
    _ type: ResourceType, _ key: ObjectKey, _ kind: PatchType, _ body: JSONValue, subresource: Subresource? = nil,
    fieldManager: String? = nil, force: Bool = false
  ) async throws(KubeError) -> JSONValue {
    var request = KubeRequest("PATCH", try type.path(key, subresource: subresource), body: body)
    request.contentType = kind.rawValue
    if let fieldManager { request.query.append(("fieldManager", fieldManager)) }
    if kind == .apply {
      guard fieldManager?.isEmpty == false else { throw .configuration("server-side apply needs a field manager") }
      if force { request.query.append(("force", "true")) }
    }
    return try await object(request)
  }

  /// Deletes an object; one that is gone is no error.
  public func delete(
    _ type: ResourceType, _ key: ObjectKey, propagation: DeletionPropagation = .background,
    gracePeriodSeconds: Int? = nil
  ) async throws(KubeError) {
    var options: JSONValue = [
      "apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": .string(propagation.rawValue),
    ]
    if let gracePeriodSeconds { options["gracePeriodSeconds"] = .int(gracePeriodSeconds) }
    do { _ = try await send(KubeRequest("DELETE", try type.path(key), body: options)) } catch {
      if !error.isNotFound { throw error }
    }
  }

  /// Asks for a pod to be removed, which a PodDisruptionBudget may refuse for now (status 429, thrown at once: whether
  /// the pod is still to be removed then is for the caller to say). A server that knows only the older version of the
  /// request (before 1.22) gets that one.
  public func evict(_ key: ObjectKey) async throws(KubeError) {
    func request(_ version: String) throws(KubeError) -> KubeRequest {
      let eviction: JSONValue = [
        "apiVersion": .string("policy/\(version)"), "kind": "Eviction",
        "metadata": ["name": .string(key.name), "namespace": .string(key.namespace)],
      ]
      var request = KubeRequest("POST", try Pod.type.path(key, subresource: .eviction), body: eviction)
      request.waitsWhenPutOff = false
      return request
    }
    do { _ = try await send(try request("v1")) } catch {
      guard [400, 415, 422].contains(error.status) || error.message.contains("policy/v1") else { throw error }
      _ = try await send(try request("v1beta1"))
    }
  }

  private func object(_ request: KubeRequest) async throws(KubeError) -> JSONValue {
    try await document(request).root.value
  }
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
    var body = object.json
    // What the server keeps for itself is refused in an apply.
    body.set(["metadata", "managedFields"], nil)
    return Resource(
      json: try await patch(
        Resource.type, object.key, .apply, body, subresource: subresource, fieldManager: fieldManager,
        force: true))
  }

  /// Deletes an object; one that is gone is no error.
  public func delete<Resource: KubeResource>(_: Resource.Type, _ key: ObjectKey) async throws(KubeError) {
    try await delete(Resource.type, key)
  }
}
