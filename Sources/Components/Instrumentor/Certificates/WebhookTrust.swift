import JSON
import KubeObjects

/// Whom the API server trusts when it calls our webhooks, as one webhook configuration says.
struct WebhookTrust: Equatable, Sendable {
  var configuration: String
  /// The authorities of each webhook of ours in it; empty where there are none.
  var bundles: [[UInt8]]
  /// Whether cert-manager fills them in.
  var isExternal: Bool

  /// Reads a webhook configuration.
  init(_ configuration: JSONValue) {
    let metadata = ObjectMeta(json: configuration["metadata"] ?? [:])
    self.configuration = metadata.name
    isExternal = metadata.annotations[WebhookAnnotation.injectAuthorityFrom] != nil
    bundles = Self.own(configuration).map { _, webhook in
      webhook.at("clientConfig", "caBundle")?.string.flatMap(Base64.decode) ?? []
    }
  }

  /// The change that makes the API server trust just these authorities; nil when it does.
  static func patch(_ configuration: JSONValue, bundle: [UInt8]) -> JSONPatch? {
    let text = JSONValue.string(Base64.encode(bundle))
    var operations: [JSONPatch.Operation] = []
    for (index, webhook) in own(configuration) where webhook.at("clientConfig", "caBundle") != text {
      let path: JSONPointer = ["webhooks", String(index)]
      operations.append(.test(path.appending("name"), webhook["name"] ?? .null))
      operations.append(.add(path.appending("clientConfig").appending("caBundle"), text))
    }
    return operations.isEmpty ? nil : JSONPatch(operations)
  }

  /// The webhooks that lead to our Service.
  private static func own(_ configuration: JSONValue) -> [(Int, JSONValue)] {
    (configuration["webhooks"]?.array ?? []).enumerated().filter { _, webhook in
      webhook.at("clientConfig", "service", "name")?.string == WebhookWord.service
    }.map { ($0.offset, $0.element) }
  }
}
