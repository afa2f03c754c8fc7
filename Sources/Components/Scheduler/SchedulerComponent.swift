import Glibc
import KubeClient
import KubeObjects
import KubeRuntime
import ServiceShell

/// Validates the configuration and decides when collectors are deployed.
public enum SchedulerComponent {
  /// One line for `--help`.
  public static let summary = "validates the configuration of odigos and decides when collectors are deployed"

  /// Runs the component until the task is cancelled.
  public static func run(_ shell: ServiceShell) async throws {
    let settings = SchedulerSettings(processID: getpid()) { name in getenv(name).map { String(cString: $0) } }
    let client = try KubeClient.connect()
    defer { client.shutdown() }
    let version = try await client.serverVersion()
    shell.logger.info("connected to Kubernetes \(version.gitVersion)")
    shell.health.setReady("kubernetes", true)

    let elector = LeaderElector(
      client: client, namespace: settings.namespace, name: SchedulerName.manager, identity: settings.identity,
      logger: shell.logger)
    await elector.run { await lead(shell, client, settings) }
  }

  private static func lead(_ shell: ServiceShell, _ client: KubeClient, _ settings: SchedulerSettings) async {
    let view = ClusterView(client: client, namespace: settings.namespace, logger: shell.logger)
    let reconciler = SchedulerReconciler(
      client: client, view: view,
      events: EventRecorder(client: client, component: SchedulerName.manager, logger: shell.logger),
      namespace: settings.namespace, logger: shell.logger)
    let controller = Controller<SchedulerWork>(name: "scheduler", logger: shell.logger) { work in
      try await reconciler.reconcile(work)
      return .done
    }
    view.onChange(
      configuration: { controller.enqueue(.configuration) }, groups: { controller.enqueue(.groups) })
    controller.enqueue(.configuration)
    controller.enqueue(.groups)
    await withTaskGroup(of: Void.self) { tasks in
      tasks.addTask { await view.run() }
      tasks.addTask {
        await view.waitForSync()
        await controller.run()
      }
    }
  }
}
