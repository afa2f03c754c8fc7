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
  private let version: KubernetesVersion
  private let caches: InstrumentorCaches
  private let agents: ClusterAgents
  private let webhooks: WebhookCaches
  private let feed: AdmissionFeed
  private let metrics = AdmissionMetrics()
  private let reach: WebhookReach

  /// The conditions of readiness.
  private enum Condition {
    static let serving = "webhook"
    static let synced = "caches synced"
  }

  /// Runs the instrumentor until the task is cancelled. Throws when it cannot start.
  public static func run(_ shell: ServiceShell) async throws {
    // First of all: a process without any condition counts as ready.
    for condition in [Condition.serving, Condition.synced] { shell.health.setReady(condition, false) }
    let settings = try InstrumentorSettings.current()
    let client = try KubeClient.connect()
    defer { client.shutdown() }
    let version = try await serverVersion(client, shell.logger)
    let others = try await WorkloadDiscovery(client: client, logger: shell.logger).informers()
    await Instrumentor(shell, settings, client, version, others).run()
  }

  private init(
    _ shell: ServiceShell, _ settings: InstrumentorSettings, _ client: KubeClient, _ version: KubernetesVersion,
    _ others: [WorkloadInformer]
  ) {
    self.shell = shell
    self.settings = settings
    self.client = client
    self.version = version
    caches = InstrumentorCaches(
      client: client, namespace: settings.namespace, others: others, logger: shell.logger)
    let reach = WebhookReach(namespace: settings.namespace)
    caches.pods.onChange { reach.podChanged($0, $1) }
    self.reach = reach
    agents = ClusterAgents(
      caches: caches, image: ClusterAgents.report(in: settings.agentsDirectory), logger: shell.logger)
    webhooks = WebhookCaches(client: client, namespace: settings.namespace, logger: shell.logger)
    // From 1.26 on a Service keeps traffic on its node; older clusters reach the node collector by host port.
    let endpoint: InjectionSettings.Endpoint =
      version >= KubernetesVersion(1, 26) ? .localTrafficService : .nodeAddress
    feed = AdmissionFeed(
      caches: caches, agents: agents, namespace: settings.namespace, endpoint: endpoint, minorVersion: version.minor,
      agentsImage: settings.agentsImage, logger: shell.logger)
  }

  private static func serverVersion(_ client: KubeClient, _ logger: Logger) async throws -> KubernetesVersion {
    while true {
      do {
        let version = try await client.serverVersion()
        logger.info("connected to Kubernetes", metadata: ["version": "\(version.gitVersion)"])
        return KubernetesVersion(version.major, version.minor)
      } catch {
        try Task.checkCancellation()
        logger.warning("the API server does not answer", metadata: ["error": "\(error)"])
        try await Task.sleep(for: .seconds(2))
      }
    }
  }

  private func run() async {
    let controllers = InstrumentorControllers(
      client: client, caches: caches, agents: agents, namespace: settings.namespace, logger: shell.logger,
      isWebhookServing: { [reach] in reach.isReached() })
    let release = SourceRelease(client: client, caches: caches, logger: shell.logger)
    let registration = PodRegistration(
      client: client, caches: caches, webhooks: webhooks, namespace: settings.namespace, version: version,
      logger: shell.logger)
    let rules = RuleStatusController(client: client, caches: caches, logger: shell.logger)
    let sources = SourceStatusController(client: client, caches: caches, logger: shell.logger)
    let elector = LeaderElector(
      client: client, namespace: settings.namespace, name: InstrumentorName.lease, identity: settings.identity,
      logger: shell.logger)
    addMetrics(["workload": { controllers.depth }, "pod-registration": { registration.depth }])
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await caches.run() }
      group.addTask { await serve() }
      group.addTask {
        await elector.run {
          await withTaskGroup(of: Void.self) { leading in
            leading.addTask { await controllers.run() }
            leading.addTask { await release.run() }
            leading.addTask { await registration.run() }
            leading.addTask { await rules.run() }
            leading.addTask { await sources.run() }
          }
        }
      }
    }
  }

  /// Serves the webhook as soon as there is something to answer from and a certificate to serve with.
  private func serve() async {
    let status = CertificateStatus(health: shell.health)
    await feed.waitForSync()
    shell.health.setReady(Condition.synced, !Task.isCancelled)
    let certificates = WebhookCertificates(
      client: client, caches: webhooks, namespace: settings.namespace, replica: settings.identity,
      logger: shell.logger, status: status)
    let server = WebhookServer(
      endpoint: AdmissionEndpoint(
        table: feed.table,
        objects: ObjectReviews(
          sources: feed.sources, namespace: settings.namespace, metrics: metrics, logger: shell.logger),
        logger: shell.logger),
      port: settings.webhookPort, health: shell.health, logger: shell.logger)
    let (health, reach) = (shell.health, reach)
    await certificates.run { identity in
      try server.serve(with: identity)
      health.setReady(Condition.serving, true)
      reach.setServing(true)
    }
    // Leaves the Service first: requests that are on their way meanwhile are still answered.
    health.setReady(Condition.serving, false)
    reach.setServing(false)
    await server.stop()
  }

  private func addMetrics(_ queues: KeyValuePairs<String, @Sendable () -> Int>) {
    let (feed, table, caches) = (feed, feed.table, caches)
    metrics.add(to: shell.health)
    shell.health.addMetric(
      "odigos_instrumentor_workloads", help: "Workloads with an InstrumentationConfig.", kind: "gauge"
    ) { [("", Double(table.count))] }
    shell.health.addMetric(
      "odigos_instrumentor_configuration_valid", help: "Whether effective-config can be used as it is.", kind: "gauge"
    ) { [("", feed.configurationProblem == nil ? 1 : 0)] }
    shell.health.addMetric(
      "odigos_instrumentor_snapshot_age_seconds",
      help: "Time since the API server last said something about what admission knows.", kind: "gauge"
    ) {
      [
        ("kind=\"InstrumentationConfig\"", caches.instrumentationConfigs.age),
        ("kind=\"CollectorsGroup\"", caches.collectorsGroups.age),
        ("kind=\"ConfigMap\"", caches.effectiveConfiguration.age), ("kind=\"Source\"", caches.sources.age),
      ].compactMap { label, age in age.map { (label, $0 / .seconds(1)) } }
    }
    let depths = queues.map { (label: "controller=\"\($0.key)\"", depth: $0.value) }
    shell.health.addMetric(
      "odigos_instrumentor_queue_depth", help: "What waits to be worked on, in the replica that leads.", kind: "gauge"
    ) { depths.map { ($0.label, Double($0.depth())) } }
  }
}
