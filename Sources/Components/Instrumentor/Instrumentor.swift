import Concurrency
import EventLoop
import HTTPTransport
import KubeClient
import KubeRuntime
import Logging
import Policy
import ServiceShell

/// The process that marks, enables and restarts workloads and injects agents into their pods.
///
/// Every replica answers for pods; the controllers run in the one that leads.
public struct Instrumentor: Sendable {
  private let shell: ServiceShell
  private let settings: InstrumentorSettings
  private let client: KubeClient
  private let caches: InstrumentorCaches
  private let feed: AdmissionFeed
  private let counters = AdmissionCounters()
  /// Whether the webhook answers.
  private let serving = Locked(false)

  /// Runs the instrumentor until the task is cancelled. Throws when it cannot start.
  public static func run(_ shell: ServiceShell) async throws {
    // First of all: a process without any condition counts as ready.
    shell.health.setReady("webhook", false)
    let settings = try InstrumentorSettings.current()
    let client = try KubeClient.connect()
    defer { client.shutdown() }
    let version = try await serverVersion(client, shell.logger)
    // From 1.26 on a Service keeps traffic on its node; older clusters reach the node collector by host port.
    let endpoint: InjectionSettings.Endpoint = version >= (1, 26) ? .localTrafficService : .nodeAddress
    let others = try await WorkloadDiscovery(client: client, logger: shell.logger).informers()
    await Instrumentor(shell, settings, client, endpoint, others, minorVersion: version.1).run()
  }

  private init(
    _ shell: ServiceShell, _ settings: InstrumentorSettings, _ client: KubeClient,
    _ endpoint: InjectionSettings.Endpoint, _ others: [WorkloadInformer], minorVersion: Int
  ) {
    self.shell = shell
    self.settings = settings
    self.client = client
    caches = InstrumentorCaches(
      client: client, namespace: settings.namespace, others: others, logger: shell.logger)
    feed = AdmissionFeed(
      caches: caches, namespace: settings.namespace, endpoint: endpoint, minorVersion: minorVersion,
      agentsImage: settings.agentsImage, logger: shell.logger)
  }

  private static func serverVersion(_ client: KubeClient, _ logger: Logger) async throws -> (Int, Int) {
    while true {
      do {
        let version = try await client.serverVersion()
        logger.info("connected to Kubernetes", metadata: ["version": "\(version.gitVersion)"])
        return (version.major, version.minor)
      } catch {
        try Task.checkCancellation()
        logger.warning("the API server does not answer", metadata: ["error": "\(error)"])
        try await Task.sleep(for: .seconds(2))
      }
    }
  }

  private func run() async {
    let controllers = InstrumentorControllers(
      client: client, caches: caches, namespace: settings.namespace, logger: shell.logger,
      isWebhookServing: { [serving] in serving.withLock { $0 } })
    let release = SourceRelease(client: client, caches: caches, logger: shell.logger)
    let rules = RuleStatusController(client: client, caches: caches, logger: shell.logger)
    let sources = SourceStatusController(client: client, caches: caches, logger: shell.logger)
    let elector = LeaderElector(
      client: client, namespace: settings.namespace, name: InstrumentorName.lease, identity: settings.identity,
      logger: shell.logger)
    addMetrics()
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await caches.run() }
      group.addTask { await serve() }
      group.addTask {
        await elector.run {
          await withTaskGroup(of: Void.self) { leading in
            leading.addTask { await controllers.run() }
            leading.addTask { await release.run() }
            leading.addTask { await rules.run() }
            leading.addTask { await sources.run() }
          }
        }
      }
    }
  }

  /// Serves the webhook as soon as there is something to answer from and a certificate to serve with.
  private func serve() async {
    await feed.waitForSync()
    let certificates = WebhookCertificates(client: client, namespace: settings.namespace, logger: shell.logger)
    while let identity = try? await certificates.first() {
      do {
        let server = try listen(with: identity)
        shell.logger.info("webhook serves", metadata: ["address": "\(server.address)"])
        shell.health.setReady("webhook", true)
        serving.withLock { $0 = true }
        await certificates.keep(identity) { try server.replaceIdentity($0) }
        await stop(server)
        return
      } catch {
        // Such as a port that the predecessor on this node still holds.
        shell.logger.error("the webhook cannot be served", metadata: ["error": "\(error)"])
        try? await Task.sleep(for: .seconds(2))
      }
    }
  }

  private func listen(with identity: TLSIdentity) throws -> HTTPServer {
    let loop = try EventLoop(name: "webhook")
    var admission = AdmissionEndpoint(table: feed.table, logger: shell.logger, counters: counters)
    admission.lines = LineLog(beside: shell.logger, loop: loop)
    let endpoint = admission
    func server(_ host: String) throws(HTTPServerError) -> HTTPServer {
      try HTTPServer(
        configuration: HTTPServerConfiguration(
          address: .tcp(host: host, port: settings.webhookPort), tls: identity),
        loop: loop, handler: .inline { endpoint.answer($0) })
    }
    do {
      // Both families, where the node has IPv6 at all.
      do { return try server("::") } catch { return try server("0.0.0.0") }
    } catch {
      loop.shutdown()
      throw error
    }
  }

  /// How long it takes at most until no node sends new connections to a pod that is being deleted; the pod's
  /// terminationGracePeriodSeconds holds this and the grace of `shutdown`.
  private static let farewell: Duration = .seconds(8)

  /// Leaves the Service first: requests that are on their way meanwhile are still answered.
  private func stop(_ server: HTTPServer) async {
    shell.health.setReady("webhook", false)
    serving.withLock { $0 = false }
    await server.retire()
    await Task.detached { try? await Task.sleep(for: Self.farewell) }.value
    await server.shutdown(grace: .seconds(5))
  }

  private func addMetrics() {
    let (counters, table) = (counters, feed.table)
    shell.health.addMetric(
      "odigos_instrumentor_admissions_total", help: "Pod reviews by outcome.", kind: "counter"
    ) { counters.samples }
    shell.health.addMetric(
      "odigos_instrumentor_workloads", help: "Workloads with an InstrumentationConfig.", kind: "gauge"
    ) { [("", Double(table.count))] }
    let feed = feed
    shell.health.addMetric(
      "odigos_instrumentor_configuration_valid", help: "Whether effective-config can be used as it is.", kind: "gauge"
    ) { [("", feed.configurationProblem == nil ? 1 : 0)] }
  }
}
