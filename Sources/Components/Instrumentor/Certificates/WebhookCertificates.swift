import Concurrency
import HTTPTransport
import JSON
import KubeClient
import KubeObjects
import Logging
import Policy
import ServingCertificates

/// Keeps the webhook's certificates: in one Secret for all replicas, current, trusted by the API server, and served.
///
/// Every replica does this by itself; the Secret's version decides who wins when two of them renew at once.
struct WebhookCertificates: Sendable {
  let client: KubeClient
  let namespace: String
  let logger: Logger

  /// The longest time until a replica notices what another one, or an administrator, did to the Secret.
  private static let pollInterval: Int64 = 10
  private static let retryInterval: Duration = .seconds(2)

  /// The names that the API server may call the webhook by.
  var names: [String] {
    let service = "\(WebhookWord.service).\(namespace).svc"
    return [service, "\(service).cluster.local"]
  }

  /// Waits for the first identity to serve with; throws only when cancelled.
  func first() async throws -> TLSIdentity {
    while true {
      do {
        let secret = try await current().secret
        try await trust(secret.authorityBundle)
        return secret.identity
      } catch {
        try Task.checkCancellation()
        logger.warning("no certificate to serve with yet", metadata: ["error": "\(error)"])
        try await Task.sleep(for: Self.retryInterval)
      }
    }
  }

  /// Calls `install` whenever there is another identity, until the task is cancelled.
  func keep(_ identity: TLSIdentity, install: @Sendable (TLSIdentity) throws -> Void) async {
    var served = identity
    var wait: Int64 = Self.pollInterval
    while (try? await Task.sleep(for: .seconds(wait))) != nil {
      wait = Self.pollInterval
      do {
        let (secret, verdict) = try await current()
        wait = min(Self.pollInterval, verdict.checkAfter)
        // The API server learns of an authority before anything that it signed is served.
        try await trust(secret.authorityBundle)
        if secret.identity != served {
          try install(secret.identity)
          served = secret.identity
          logger.info("serving with another certificate")
        }
      } catch {
        if Task.isCancelled { return }
        logger.warning("the certificates could not be checked", metadata: ["error": "\(error)"])
      }
    }
  }

  /// What the Secret holds, renewed where necessary.
  private func current() async throws -> (secret: ServingSecret, verdict: RenewalVerdict) {
    let stored = try await client.get(Secret.self, ObjectKey(namespace: namespace, name: WebhookWord.secret))
    var secret = ServingSecret(data: stored?.decodedData ?? [:])
    let now = KubeTime.now
    let verdict = secret.verdict(names: names, at: now.seconds)
    if verdict.isCurrent { return (secret, verdict) }
    try secret.renew(verdict, names: names, at: now.seconds)
    do {
      try await store(secret, over: stored)
    } catch {
      guard error.isConflict else { throw error }
      // Another replica was quicker; its certificates are as good as ours.
      let theirs = try await client.get(Secret.self, ObjectKey(namespace: namespace, name: WebhookWord.secret))
      let secret = ServingSecret(data: theirs?.decodedData ?? [:])
      return (secret, secret.verdict(names: names, at: now.seconds))
    }
    logger.info(
      "certificates renewed",
      metadata: [
        "authority": "\(verdict.authority?.rawValue ?? "kept")", "certificate": "\(verdict.leaf?.rawValue ?? "kept")",
      ])
    return (secret, secret.verdict(names: names, at: now.seconds))
  }

  private func store(_ secret: ServingSecret, over stored: Secret?) async throws(KubeError) {
    var object = stored ?? Secret(name: WebhookWord.secret, namespace: namespace)
    object.metadata.labels[OdigosLabel.systemObject] = "true"
    if stored == nil { object.json["type"] = "Opaque" }
    var data = object.json["data"] ?? [:]
    for (key, bytes) in secret.data.sorted(by: { $0.key < $1.key }) { data[key] = .string(Base64.encode(bytes)) }
    object.json["data"] = data
    if stored == nil {
      _ = try await client.create(Secret.type, object.json)
    } else {
      _ = try await client.update(Secret.type, object.json)
    }
  }

  /// Makes the API server trust the authorities, where the webhook is registered.
  private func trust(_ bundle: [UInt8]) async throws {
    let key = ObjectKey(name: WebhookWord.configuration)
    guard let configuration = try await client.get(MutatingWebhookConfiguration.self, key) else {
      logger.debug("the webhook is not registered yet", metadata: ["configuration": "\(key)"])
      return
    }
    guard let patch = WebhookTrust.patch(configuration.json, bundle: bundle) else { return }
    _ = try await client.patch(MutatingWebhookConfiguration.type, key, .json, patch.json)
    logger.info("the API server was told which authorities to trust")
  }
}

/// The change of a webhook configuration that makes the API server trust our authorities.
enum WebhookTrust {
  /// The patch; nil when nothing has to change.
  static func patch(_ configuration: JSONValue, bundle: [UInt8]) -> JSONPatch? {
    let text = JSONValue.string(Base64.encode(bundle))
    var operations: [JSONPatch.Operation] = []
    for (index, webhook) in (configuration["webhooks"]?.array ?? []).enumerated() {
      guard webhook.at("clientConfig", "service", "name")?.string == WebhookWord.service,
        webhook.at("clientConfig", "caBundle") != text
      else { continue }
      let path: JSONPointer = ["webhooks", String(index)]
      operations.append(.test(path.appending("name"), webhook["name"] ?? .null))
      operations.append(.add(path.appending("clientConfig").appending("caBundle"), text))
    }
    return operations.isEmpty ? nil : JSONPatch(operations)
  }
}

extension Secret {
  /// The entries, decoded; those that are no base 64 count as empty.
  var decodedData: [String: [UInt8]] {
    var result: [String: [UInt8]] = [:]
    for (key, value) in json["data"]?.object ?? [:] { result[key] = value.string.flatMap(Base64.decode) ?? [] }
    return result
  }
}

extension KubeTime {
  /// Seconds since 1970.
  var seconds: Int64 { Int64(microseconds / 1_000_000) }
}
