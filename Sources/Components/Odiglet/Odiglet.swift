import EventLoop
import KubeClient
import KubeObjects
import KubeRuntime
import KubeletPlugin
import Logging
import OdigosObjects
import Policy
import ProcessInspection
import ServiceShell

/// The node agent: offers the agent files to the containers of its node through the device plugin, and finds out what
/// the containers of marked workloads run.
public enum Odiglet {
  /// Runs until the task is cancelled.
  public static func run(_ shell: ServiceShell) async throws {
    let configuration = try OdigletConfiguration(processVariable)
    let loop = try EventLoop(name: "odiglet")
    defer { loop.shutdown() }
    let client = try KubeClient.connect()
    defer { client.shutdown() }
    let readiness = Readiness(health: shell.health)
    let plugin = devicePlugin(configuration, loop, shell.logger, readiness)
    let configs = Informer<InstrumentationConfig>(
      client: client, logger: shell.logger, keep: RuntimeInspector.trimmed)
    let pods = Informer<Pod>(
      client: client, options: ListOptions(fieldSelector: "spec.nodeName=\(configuration.nodeName)"),
      logger: shell.logger, keep: NodePod.trimmed)
    let runtime = ContainerRuntimeClient(sockets: configuration.runtimeSockets, loop: loop)
    defer { runtime.close() }
    let tree = ProcessTree(root: configuration.procDirectory)
    let inspector = RuntimeInspector(
      configs: configs, pods: pods, client: client, tree: tree, runtime: runtime, logger: shell.logger)
    let controller = inspector.controller()
    let label = NodeLabel(nodeName: configuration.nodeName, client: client, logger: shell.logger)
    let inventory = NodeInventory(
      nodeName: configuration.nodeName, directory: configuration.hostDirectory, client: client, logger: shell.logger)
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await inventory.keep() }
      group.addTask { await plugin.run() }
      group.addTask { await watchAgentFiles(configuration, tree, plugin, readiness, shell.logger) }
      group.addTask { await configs.run() }
      group.addTask { await pods.run() }
      group.addTask { await controller.run() }
      group.addTask {
        await inspector.watch(controller, events: configuration.processEvents.open(shell.logger))
      }
      group.addTask {
        await configs.waitForSync()
        await pods.waitForSync()
        readiness.set(ReadinessCondition.informers, !Task.isCancelled)
      }
      group.addTask {
        if await readiness.wait() { await label.set() }
      }
    }
  }

  private static func devicePlugin(
    _ configuration: OdigletConfiguration, _ loop: EventLoop, _ logger: Logger, _ readiness: Readiness
  ) -> DevicePlugin {
    // The host's directory has the name that containers see it under, wherever we have it mounted ourselves.
    var settings = DevicePluginConfiguration(
      resourceName: OdigosResource.genericDevice, capacity: configuration.deviceCapacity,
      mounts: [HostMount(hostPath: OdigosPath.agents, containerPath: OdigosPath.agents)])
    settings.directory = configuration.devicePluginDirectory
    return DevicePlugin(configuration: settings, loop: loop, logger: logger) { state in
      readiness.set(ReadinessCondition.devicePlugin, state == .registered)
    }
  }

  /// Watches that the agent files are there: without them a device would be a mount of nothing. And clears old ones
  /// away when the last process that used them has gone.
  private static func watchAgentFiles(
    _ configuration: OdigletConfiguration, _ tree: ProcessTree, _ plugin: DevicePlugin, _ readiness: Readiness,
    _ logger: Logger
  ) async {
    var wasPresent: Bool?
    var checks = 0
    while !Task.isCancelled {
      let isPresent = AgentInstallation.isPresent(in: configuration.hostDirectory)
      if isPresent != wasPresent {
        plugin.setHealthy(isPresent)
        readiness.set(ReadinessCondition.agentFiles, isPresent)
        if !isPresent {
          logger.error("there are no agent files in \(configuration.hostDirectory); `odiglet init` installs them")
        }
        wasPresent = isPresent
      }
      if isPresent, checks % 360 == 0 { removeUnusedVersions(configuration, tree, logger) }
      checks += 1
      try? await Task.sleep(for: .seconds(10))
    }
  }

  private static func removeUnusedVersions(_ configuration: OdigletConfiguration, _ tree: ProcessTree, _ logger: Logger)
  {
    let installation = AgentInstallation(source: "", destination: configuration.hostDirectory) { line in
      logger.info("\(line)")
    }
    do { try installation.removeUnusedVersions(tree: tree) } catch {
      logger.warning("old agent files stay", metadata: ["error": "\(error)"])
    }
  }
}
