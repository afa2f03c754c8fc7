import Concurrency
import EventLoop
import HTTPTransport
import Logging
import ServiceShell

/// The TLS server of the webhooks, from the first certificate on.
final class WebhookServer: Sendable {
  private let endpoint: AdmissionEndpoint
  private let port: UInt16
  private let health: HealthState
  private let logger: Logger
  private let server = Locked<HTTPServer?>(nil)

  /// How long the loop may be busy with one thing. Nothing that it does takes milliseconds.
  private static let patience = Duration.seconds(30)

  init(endpoint: AdmissionEndpoint, port: UInt16, health: HealthState, logger: Logger) {
    self.endpoint = endpoint
    self.port = port
    self.health = health
    self.logger = logger
  }

  /// Serves with that identity from now on; connections that there are keep theirs. Throws when it cannot, such as
  /// because of a port that the predecessor on this node still holds.
  func serve(with identity: TLSIdentity) throws {
    if let server = server.withLock({ $0 }) { return try server.replaceIdentity(identity) }
    let loop = try EventLoop(name: "webhook")
    do {
      // Both families, where the node has IPv6 at all.
      let server: HTTPServer
      do { server = try listen("::", identity, loop) } catch { server = try listen("0.0.0.0", identity, loop) }
      self.server.withLock { $0 = server }
      logger.info("webhook serves", metadata: ["address": "\(server.address)"])
    } catch {
      loop.shutdown()
      throw error
    }
    let heartbeat = Heartbeat(limit: Self.patience)
    heartbeat.follow(loop, every: .seconds(1))
    health.addLivenessCheck("webhook loop") { heartbeat.isAlive }
  }

  private func listen(_ host: String, _ identity: TLSIdentity, _ loop: EventLoop) throws(HTTPServerError) -> HTTPServer
  {
    var admission = endpoint
    admission.lines = LineLog(beside: logger, loop: loop)
    let endpoint = admission
    return try HTTPServer(
      configuration: HTTPServerConfiguration(address: .tcp(host: host, port: port), tls: identity), loop: loop,
      handler: .inline { endpoint.answer($0) })
  }

  /// How long it takes at most until no node sends new connections to a pod that is being deleted; the pod's
  /// terminationGracePeriodSeconds holds this and the grace of `shutdown`.
  private static let farewell = Duration.seconds(8)

  /// Answers while the Service learns that we are not ready, and ends then.
  func stop() async {
    guard let server = server.withLock({ $0 }) else { return }
    await server.retire()
    await Task.detached { try? await Task.sleep(for: Self.farewell) }.value
    await server.shutdown(grace: .seconds(5))
  }
}
