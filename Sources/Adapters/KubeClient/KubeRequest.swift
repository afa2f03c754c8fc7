import JSON
import KubeObjects

/// A request to the API server as a value: what is asked, not how it is sent.
public struct KubeRequest: Sendable {
  /// The method.
  public var method: String
  /// The escaped path, from "/".
  public var path: String
  /// The query's names and values, unescaped.
  public var query: [(name: String, value: String)] = []
  /// The media type of the body.
  public var contentType = "application/json"
  /// What the answer may be.
  public var accept = "application/json"
  /// The body.
  public var body: [UInt8]?
  /// How long it may take in all; nil for watches.
  public var timeout: Duration? = .seconds(30)
  /// Whether a request that the server puts off (429 or 503 with Retry-After) is sent again after that time.
  public var waitsWhenPutOff = true

  /// Makes a request.
  public init(_ method: String, _ path: String, body: JSONValue? = nil) {
    self.method = method
    self.path = path
    self.body = body?.serialized()
  }

  /// Path and query, as they go into the URL.
  public var target: String {
    guard !query.isEmpty else { return path }
    let pairs = query.map { "\(Self.escaped($0.name))=\(Self.escaped($0.value))" }
    return path + (path.contains("?") ? "&" : "?") + pairs.joined(separator: "&")
  }

  /// The method and the path, for messages.
  var summary: String { "\(method) \(path)" }

  /// Everything but RFC 3986's unreserved characters in percent encoding.
  static func escaped(_ text: String) -> String {
    var result: [UInt8] = []
    for byte in text.utf8 {
      switch byte {
      case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E: result.append(byte)
      default:
        result.append(0x25)
        for digit in [byte >> 4, byte & 15] { result.append(digit < 10 ? 0x30 + digit : 0x37 + digit) }
      }
    }
    return String(decoding: result, as: UTF8.self)
  }
}

extension ResourceType {
  /// The path of the kind, or of one object of it.
  func path(namespace: String?, name: String? = nil, subresource: Subresource? = nil) -> String {
    var parts = group.isEmpty ? ["api", version] : ["apis", group, version]
    if isNamespaced, let namespace, !namespace.isEmpty { parts += ["namespaces", namespace] }
    parts.append(plural)
    if let name { parts.append(name) }
    if let subresource { parts.append(subresource.rawValue) }
    return "/" + parts.map(KubeRequest.escaped).joined(separator: "/")
  }

  /// The path of one object; an error where a name is missing, because the path would then be the whole kind's.
  func path(_ key: ObjectKey, subresource: Subresource? = nil) throws(KubeError) -> String {
    guard !key.name.isEmpty else { throw .configuration("a \(kind) without metadata.name") }
    guard key.name != "." && key.name != ".." else { throw .configuration("a \(kind) named \"\(key.name)\"") }
    guard !isNamespaced || !key.namespace.isEmpty else {
      throw .configuration("\(kind) \(key.name) has no metadata.namespace")
    }
    return path(namespace: key.namespace, name: key.name, subresource: subresource)
  }
}

extension ListOptions {
  /// The media type of a list. A server that cannot leave out the rest sends whole objects.
  var listAccept: String { accept("PartialObjectMetadataList") }
  /// The media type of a watch.
  var watchAccept: String { accept("PartialObjectMetadata") }

  private func accept(_ kind: String) -> String {
    isMetadataOnly ? "application/json;as=\(kind);g=meta.k8s.io;v=v1,application/json" : "application/json"
  }

  /// One page, from `continueToken` on.
  func query(continueToken: String?) -> [(name: String, value: String)] {
    var query = selectors
    if limit > 0 { query.append(("limit", String(limit))) }
    if let continueToken { query.append(("continue", continueToken)) }
    return query
  }

  /// A watch from a version.
  func watchQuery(resourceVersion: String, timeoutSeconds: Int) -> [(name: String, value: String)] {
    var query = selectors
    query.append(("watch", "true"))
    query.append(("allowWatchBookmarks", "true"))
    query.append(("timeoutSeconds", String(timeoutSeconds)))
    if !resourceVersion.isEmpty { query.append(("resourceVersion", resourceVersion)) }
    return query
  }

  private var selectors: [(name: String, value: String)] {
    var query: [(name: String, value: String)] = []
    if let labelSelector { query.append(("labelSelector", labelSelector)) }
    if let fieldSelector { query.append(("fieldSelector", fieldSelector)) }
    return query
  }
}
