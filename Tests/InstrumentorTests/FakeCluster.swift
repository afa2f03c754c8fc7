import Concurrency
import EventLoop
import HTTPTransport
import JSON
import KubeClient
import KubeObjects

/// An API server in this process: objects by path, with versions, lists by name, watches, JSON patches.
final class FakeCluster: Sendable {
  private struct State: Sendable {
    var objects: [String: JSONValue] = [:]
    var log: [(version: Int, collection: String, line: JSONValue)] = []
    var version = 1
  }

  private let state = Locked(State())
  private let loop: EventLoop
  private let server: HTTPServer
  let client: KubeClient

  init() throws {
    loop = try EventLoop(name: "fake cluster")
    let state = state
    server = try HTTPServer(
      configuration: HTTPServerConfiguration(address: .tcp(host: "127.0.0.1", port: 0)), loop: loop,
      handler: .async { await Self.answer($0, state) })
    client = KubeClient(ClusterAccess(server: "http://\(server.address)", origin: "the test"))
  }

  func stop() async {
    client.shutdown()
    await server.shutdown(grace: .zero)
    loop.shutdown()
  }

  /// An object by its type and key.
  func get(_ type: ResourceType, _ key: ObjectKey) -> JSONValue? {
    state.withLock { $0.objects["\(Self.collection(type, key))/\(key.name)"] }
  }

  /// Stores an object, or with nil deletes it, as somebody else would.
  func set(_ type: ResourceType, _ key: ObjectKey, _ object: JSONValue?) {
    let collection = Self.collection(type, key)
    state.withLock { _ = Self.store(object, "\(collection)/\(key.name)", collection, &$0) }
  }

  private static func collection(_ type: ResourceType, _ key: ObjectKey) -> String {
    let group = type.group.isEmpty ? "/api/\(type.version)" : "/apis/\(type.group)/\(type.version)"
    return key.namespace.isEmpty ? "\(group)/\(type.plural)" : "\(group)/namespaces/\(key.namespace)/\(type.plural)"
  }

  /// Changes an object as somebody else would.
  func change(_ type: ResourceType, _ key: ObjectKey, _ body: (inout JSONValue) -> Void) {
    guard var object = get(type, key) else { return }
    body(&object)
    set(type, key, object)
  }

  private static func store(
    _ object: JSONValue?, _ path: String, _ collection: String, _ state: inout State
  ) -> JSONValue {
    let old = state.objects[path]
    state.version += 1
    var stored = object ?? old ?? [:]
    stored.set(["metadata", "resourceVersion"], .string("\(state.version)"))
    state.objects[path] = object == nil ? nil : stored
    let event = object == nil ? "DELETED" : old == nil ? "ADDED" : "MODIFIED"
    state.log.append((state.version, collection, ["type": .string(event), "object": stored]))
    return stored
  }

  private static func answer(_ request: HTTPRequest, _ state: Locked<State>) async -> HTTPResponse {
    var query: [String: String] = [:]
    for pair in request.query.split(separator: "&") {
      let parts = pair.split(separator: "=", maxSplits: 1).map(String.init)
      query[parts[0]] = (parts.count > 1 ? parts[1] : "").replacing("%3D", with: "=")
    }
    if request.method == "GET", query["watch"] != nil { return await watch(request.path, query, state) }
    return state.withLock { state in
      switch request.method {
      case "GET": list(request.path, query, &state)
      case "POST", "PUT", "PATCH": write(request, &state)
      default: failure(405, "MethodNotAllowed")
      }
    }
  }

  private static func failure(_ code: Int, _ reason: String) -> HTTPResponse {
    let status: JSONValue = [
      "kind": "Status", "status": "Failure", "code": .int(code), "reason": .string(reason), "message": .string(reason),
    ]
    return HTTPResponse(status: code, body: status.serialized())
  }

  private static func matches(_ object: JSONValue?, _ selector: String?) -> Bool {
    guard let selector, let name = selector.split(separator: "=").last else { return true }
    return object?.at("metadata", "name")?.string == String(name)
  }

  /// Whether what is listed there holds the objects of a collection: the same one, or that of all namespaces.
  private static func isIn(_ path: String, _ collection: String) -> Bool {
    if path == collection { return true }
    let parts = collection.split(separator: "/")
    guard let place = parts.firstIndex(of: "namespaces"), place + 2 < parts.count else { return false }
    return path == "/" + (parts[..<place] + parts[(place + 2)...]).joined(separator: "/")
  }

  private static func list(_ path: String, _ query: [String: String], _ state: inout State) -> HTTPResponse {
    let items = state.objects.filter { key, object in
      isIn(path, String(key[..<(key.lastIndex(of: "/") ?? key.startIndex)])) && matches(object, query["fieldSelector"])
    }
    let list: JSONValue = [
      "metadata": ["resourceVersion": .string("\(state.version)")],
      "items": .array(items.sorted { $0.key < $1.key }.map(\.value)),
    ]
    return HTTPResponse(status: 200, body: list.serialized())
  }

  /// What has happened since, as soon as something has.
  private static func watch(_ path: String, _ query: [String: String], _ state: Locked<State>) async -> HTTPResponse {
    let since = Int(query["resourceVersion"] ?? "") ?? 0
    var lines: [JSONValue] = []
    while lines.isEmpty, !Task.isCancelled {
      lines = state.withLock { state in
        state.log.filter {
          $0.version > since && isIn(path, $0.collection) && matches($0.line["object"], query["fieldSelector"])
        }.map(\.line)
      }
      if lines.isEmpty { try? await Task.sleep(for: .milliseconds(5)) }
    }
    let body = lines.flatMap { $0.serialized() + [UInt8(ascii: "\n")] }
    return HTTPResponse(status: 200, body: body)
  }

  private static func write(_ request: HTTPRequest, _ state: inout State) -> HTTPResponse {
    guard var object = try? JSONValue(parsing: request.body) else { return failure(400, "BadRequest") }
    var path = request.path
    if request.method == "POST" { path += "/\(object.at("metadata", "name")?.string ?? "")" }
    let stored = state.objects[path]
    let collection = String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
    switch (request.method, stored) {
    case ("POST", .some): return failure(409, "AlreadyExists")
    case ("PUT", nil), ("PATCH", nil): return failure(404, "NotFound")
    case ("PUT", .some(let stored)):
      let versions = [object, stored].map { $0.at("metadata", "resourceVersion") }
      guard versions[0] == versions[1] else { return failure(409, "Conflict") }
    case ("PATCH", .some(let stored)):
      guard let patch = try? JSONPatch(json: object), let patched = try? patch.applied(to: stored) else {
        return failure(422, "Invalid")
      }
      object = patched
    default: break
    }
    return HTTPResponse(status: 200, body: store(object, path, collection, &state).serialized())
  }
}
