import Concurrency
import HTTPTransport
import JSON
import KubeClient
import KubeObjects
import Logging
import Policy
import ServiceShell
import ServingCertificates

/// Does what the certificates' machine says: every replica by itself; the Secret's version decides who wins when two
/// of them renew at once.
struct WebhookCertificates: Sendable {
  let client: KubeClient
  let caches: WebhookCaches
  let namespace: String
  let replica: String
  let logger: Logger
  let status: CertificateStatus
  /// How often the clock is looked at.
  var tick = Duration.seconds(5)
  /// How long other instances of the API server get to learn of an authority, in seconds.
  var settling: Int64 = 3

  /// The names that the API server may call the webhook by.
  static func names(namespace: String) -> [String] {
    let service = "\(WebhookWord.service).\(namespace).svc"
    return [service, "\(service).cluster.local"]
  }

  /// Calls `serve` with the first identity and whenever there is another one, until the task is cancelled.
  func run(serve: @escaping @Sendable (TLSIdentity) async throws -> Void) async {
    let (changes, change) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    caches.onChange { change.yield() }
    let driver = CertificateDriver(self, serve)
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await caches.run() }
      group.addTask {
        while (try? await Task.sleep(for: tick)) != nil { change.yield() }
        change.finish()
      }
      group.addTask {
        await caches.waitForSync()
        var driver = driver
        await driver.look()
        for await _ in changes { await driver.look() }
      }
    }
  }
}

/// The machine and what it acts on.
private struct CertificateDriver: Sendable {
  private let certificates: WebhookCertificates
  private let serve: @Sendable (TLSIdentity) async throws -> Void
  private var machine: CertificateMachine
  private var logger: Logger { certificates.logger }
  private var client: KubeClient { certificates.client }

  init(_ certificates: WebhookCertificates, _ serve: @escaping @Sendable (TLSIdentity) async throws -> Void) {
    self.certificates = certificates
    self.serve = serve
    machine = CertificateMachine(
      settings: CertificateMachine.Settings(
        names: WebhookCertificates.names(namespace: certificates.namespace),
        replica: ServingRecord.replica(certificates.replica), settling: certificates.settling))
  }

  /// Tells the machine how things are, and does what it wants.
  mutating func look() async {
    let secret = certificates.caches.secret.get(key)
    var events: [CertificateMachine.Event] = [
      .trusted(certificates.caches.configurations.map { WebhookTrust($0.json) }),
      .stored(secret.map(StoredCertificates.init)), .tick,
    ]
    while !events.isEmpty, !Task.isCancelled {
      for action in machine.receive(events.removeFirst(), at: KubeTime.now.seconds) {
        if let event = await perform(action) { events.append(event) }
      }
    }
    certificates.status.note(machine.servedFacts(), isTrusted: machine.isTrusted())
  }

  private var key: ObjectKey { ObjectKey(namespace: certificates.namespace, name: WebhookWord.secret) }

  private func perform(_ action: CertificateMachine.Action) async -> CertificateMachine.Event? {
    switch action {
    case .write(let stored): return await write(stored)
    case .trust(let bundle): await trust(bundle)
    case .serve(let secret):
      do {
        try await serve(secret.identity)
        logger.info("serving with another certificate")
        return .serving(secret)
      } catch {
        if !Task.isCancelled { logger.error("cannot serve", metadata: ["error": "\(error)"]) }
        return .servingFailed
      }
    case .report(let verdict):
      logger.info(
        "renewing certificates",
        metadata: [
          "authority": "\(verdict.authority?.rawValue ?? "kept")", "certificate": "\(verdict.leaf?.rawValue ?? "kept")",
        ])
    case .fail(let reason): logger.error("cannot make certificates", metadata: ["error": "\(reason)"])
    case .warn(let problem): logger.warning("certificates of another issuer", metadata: ["detail": "\(problem)"])
    }
    return nil
  }

  private func write(_ stored: StoredCertificates) async -> CertificateMachine.Event {
    do throws(KubeError) {
      let object: JSONValue
      if let version = stored.version {
        // The one that the machine has seen; what is newer is looked at first.
        guard let present = certificates.caches.secret.get(key), present.metadata.resourceVersion == version else {
          return .writeFailed
        }
        object = try await client.update(Secret.type, stored.written(into: present).json)
      } else {
        let secret = stored.written(into: Secret(name: key.name, namespace: key.namespace))
        object = try await client.create(Secret.type, secret.json)
      }
      return .written(version: object.at("metadata", "resourceVersion")?.string)
    } catch {
      // Another replica was quicker; the cache soon shows what it wrote.
      if !error.isConflict, !error.isCancelled {
        logger.warning("cannot store the certificates", metadata: ["error": "\(error)"])
      }
      return .writeFailed
    }
  }

  private func trust(_ bundle: [UInt8]) async {
    for object in certificates.caches.configurations {
      guard let patch = WebhookTrust.patch(object.json, bundle: bundle) else { continue }
      do throws(KubeError) {
        _ = try await client.patch(object.type, ObjectKey(name: object.metadata.name), .json, patch.json)
        logger.info("the API server trusts our authorities", metadata: ["configuration": "\(object.metadata.name)"])
      } catch {
        if error.isCancelled { return }
        logger.warning(
          "cannot say which authorities to trust",
          metadata: ["configuration": "\(object.metadata.name)", "error": "\(error)"])
      }
    }
  }
}

extension KubeTime {
  /// Seconds since 1970.
  var seconds: Int64 { Int64(microseconds / 1_000_000) }
}
