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
    let features = NodePrivileges.ofThisProcess(wanted: configuration.features, shell.logger)
    let status = ServingStatus()
    let readiness = Readiness(health: shell.health, status: status)
    let plugins =
      features.contains(.devicePlugin) ? devicePlugins(configuration, loop, shell.logger, readiness, status) : []
    if plugins.isEmpty { readiness.set(ReadinessCondition.devicePlugin, true) }
    let configs = Informer<InstrumentationConfig>(
      client: client, logger: shell.logger, keep: RuntimeInspector.trimmed)
    let pods = Informer<Pod>(
      client: client, options: ListOptions(fieldSelector: "spec.nodeName=\(configuration.nodeName)"),
      logger: shell.logger, keep: NodePod.trimmed)
    let runtime = ContainerRuntimeClient(sockets: configuration.runtimeSockets, loop: loop)
    defer { runtime.close() }
    let tree = ProcessTree(root: configuration.procDirectory)
    let controller = RuntimeInspector(
      configs: configs, pods: pods, client: client, scan: ProcessScan(tree: tree), runtime: runtime,
      logger: shell.logger
    ).controller()
    let nodes = NodeMarker.informer(configuration.nodeName, client, shell.logger)
    let marker = NodeMarker(
      nodeName: configuration.nodeName, namespace: configuration.namespace, client: client, logger: shell.logger,
      readiness: readiness, nodes: nodes)
    if configuration.deviceCapacity == nil { followCapacity(of: nodes, plugins) }
    let files = agentFiles(configuration, loop, shell, plugins, readiness)
    await withTaskGroup(of: Void.self) { group in
      for plugin in plugins { group.addTask { await plugin.run() } }
      group.addTask { await files.run() }
      group.addTask { await configs.run() }
      group.addTask { await pods.run() }
      if features.contains(.runtimeInspection) { group.addTask { await controller.run() } }
      group.addTask { await marker.run() }
      group.addTask { await nodes.run() }
      group.addTask {
        await configs.waitForSync()
        await pods.waitForSync()
        readiness.set(ReadinessCondition.informers, !Task.isCancelled)
      }
    }
    // Not in the task that has been cancelled.
    await Task { await marker.leave() }.value
  }

  /// The device, and the resources of older generations, which bring the same.
  private static func devicePlugins(
    _ configuration: OdigletConfiguration, _ loop: EventLoop, _ logger: Logger, _ readiness: Readiness,
    _ status: ServingStatus
  ) -> [DevicePlugin] {
    ([OdigosResource.genericDevice] + configuration.deviceAliases).map { resource in
      // The host's directory has the name that containers see it under, wherever we have it mounted ourselves.
      var settings = DevicePluginConfiguration(
        resourceName: resource, capacity: configuration.deviceCapacity ?? DeviceCapacity.forNode(pods: nil),
        mounts: [HostMount(hostPath: OdigosPath.agents, containerPath: OdigosPath.agents)])
      settings.directory = configuration.devicePluginDirectory
      return DevicePlugin(configuration: settings, loop: loop, logger: logger, status: status) { state in
        // What the webhook injects asks for no other.
        guard resource == OdigosResource.genericDevice else { return }
        readiness.set(ReadinessCondition.devicePlugin, state == .registered)
      }
    }
  }

  private static func followCapacity(of nodes: Informer<Node>, _ plugins: [DevicePlugin]) {
    nodes.onChange { _, node in
      guard let pods = node?.json.at("status", "allocatable", "pods")?.string.flatMap(Int.init) else { return }
      for plugin in plugins { plugin.setCapacity(DeviceCapacity.forNode(pods: pods)) }
    }
  }

  private static func agentFiles(
    _ configuration: OdigletConfiguration, _ loop: EventLoop, _ shell: ServiceShell, _ plugins: [DevicePlugin],
    _ readiness: Readiness
  ) -> AgentFilesMonitor {
    var check = AgentFilesCheck(source: configuration.agentsDirectory, destination: configuration.hostDirectory)
    // A new container has the directory that is there now.
    shell.health.addLivenessCheck("agent-directory") { [check] in !check.isDirectoryGone }
    let report: @Sendable (String?) -> Void = { problem in
      for plugin in plugins { plugin.setProblem(problem) }
      readiness.set(ReadinessCondition.agentFiles, problem == nil)
    }
    // Before the kubelet hears of the devices.
    report(check.problem())
    return AgentFilesMonitor(
      source: configuration.agentsDirectory, destination: configuration.hostDirectory,
      tree: ProcessTree(root: configuration.procDirectory), loop: loop, logger: shell.logger, report: report)
  }
}
