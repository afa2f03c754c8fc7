import Glibc
import KubeClient
import KubeObjects
import KubeRuntime
import ServiceShell

/// The pipeline manager: turns CollectorsGroups, Destinations and Processors into running collectors.
public enum AutoscalerComponent {
  /// One line for `--help`.
  public static let summary = "configures and runs the collectors of odigos"

  /// Runs the component until the task is cancelled.
  public static func run(_ shell: ServiceShell) async throws {
    let settings = try AutoscalerSettings(processID: getpid()) { name in getenv(name).map { String(cString: $0) } }
    let client = try KubeClient.connect()
    defer { client.shutdown() }
    let version = try await client.serverVersion()
    shell.logger.info("connected to Kubernetes \(version.gitVersion)")
    shell.health.setReady("kubernetes", true)

    let elector = LeaderElector(
      client: client, namespace: settings.namespace, name: AutoscalerName.manager, identity: settings.identity,
      logger: shell.logger)
    await elector.run {
      await lead(shell, client, settings, kubernetes: (version.major, version.minor))
    }
  }

  /// Everything is one key: a pass takes a moment, and what one object causes may concern every other.
  private enum Work: Hashable { case pipeline }

  private static func lead(
    _ shell: ServiceShell, _ client: KubeClient, _ settings: AutoscalerSettings, kubernetes: (major: Int, minor: Int)
  ) async {
    let view = ClusterView(client: client, namespace: settings.namespace, logger: shell.logger)
    let reconciler = PipelineReconciler(
      client: client, view: view,
      events: EventRecorder(client: client, component: AutoscalerName.manager, logger: shell.logger),
      settings: settings, kubernetes: kubernetes, logger: shell.logger)
    let controller = Controller<Work>(name: "pipeline", logger: shell.logger) { _ in
      try await reconciler.reconcile()
      return .done
    }
    view.onChange { controller.enqueue(.pipeline) }
    controller.enqueue(.pipeline)
    await withTaskGroup(of: Void.self) { tasks in
      tasks.addTask { await view.run() }
      tasks.addTask {
        await view.waitForSync()
        await controller.run()
      }
    }
  }
}
