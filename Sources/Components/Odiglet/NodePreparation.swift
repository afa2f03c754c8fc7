import EventLoop
import KubeClient
import KubeObjects
import KubeRuntime
import KubeletPlugin
import Logging
import Policy
import ProcessInspection
import ServiceShell

/// What makes a node one that pods may rely on: the agent files, the devices that bring them into containers, and the
/// marks on the node that say so.
///
///     agent files --problem--> devices --registered--> readiness --> probes, health service, label and taint
struct NodePreparation: Sendable {
  /// What is there of what pods rely on.
  let readiness: Readiness
  private let plugins: [DevicePlugin]
  private let files: AgentFilesMonitor
  private let nodes: Informer<Node>
  private let marker: NodeMarker

  init(
    _ configuration: OdigletConfiguration, hasDevice: Bool, loop: EventLoop, client: KubeClient, shell: ServiceShell
  ) {
    let status = ServingStatus()
    let readiness = Readiness(health: shell.health, status: status)
    let plugins =
      hasDevice ? Self.devicePlugins(configuration, loop, shell.logger, readiness, status) : []
    if plugins.isEmpty { readiness.set(ReadinessCondition.devicePlugin, true) }
    self.readiness = readiness
    self.plugins = plugins
    files = Self.agentFiles(configuration, loop, shell, plugins, readiness)
    nodes = NodeMarker.informer(configuration.nodeName, client, shell.logger)
    marker = NodeMarker(
      nodeName: configuration.nodeName, namespace: configuration.namespace, client: client, logger: shell.logger,
      readiness: readiness,
      inventory: NodeInventory(directory: configuration.hostDirectory, hasOpAMPServer: true), nodes: nodes)
    if configuration.deviceCapacity == nil { followCapacity() }
  }

  /// Runs until the task is cancelled.
  func run() async {
    await withTaskGroup(of: Void.self) { group in
      for plugin in plugins { group.addTask { await plugin.run() } }
      group.addTask { await files.run() }
      group.addTask { await nodes.run() }
      group.addTask { await marker.run() }
    }
    // Not in the task that has been cancelled.
    await Task { await marker.leave() }.value
  }

  /// The device, and the resources of older generations, which bring the same.
  private static func devicePlugins(
    _ configuration: OdigletConfiguration, _ loop: EventLoop, _ logger: Logger, _ readiness: Readiness,
    _ status: ServingStatus
  ) -> [DevicePlugin] {
    let watch = SharedDirectoryWatch(configuration.devicePluginDirectory, loop: loop, logger: logger)
    return ([OdigosResource.genericDevice] + configuration.deviceAliases).map { resource in
      // The host's directory has the name that containers see it under, wherever we have it mounted ourselves.
      var settings = DevicePluginConfiguration(
        resourceName: resource, capacity: configuration.deviceCapacity ?? DeviceCapacity.forNode(pods: nil),
        mounts: [HostMount(hostPath: OdigosPath.agents, containerPath: OdigosPath.agents)])
      settings.directory = watch.directory
      return DevicePlugin(configuration: settings, watch: watch, loop: loop, logger: logger, status: status) { state in
        // What the webhook injects asks for no other.
        guard resource == OdigosResource.genericDevice else { return }
        readiness.set(ReadinessCondition.devicePlugin, state == .registered)
      }
    }
  }

  private func followCapacity() {
    nodes.onChange { [plugins] _, node in
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
      lockDirectory: InstallationLock.directory(
        plugins: configuration.devicePluginDirectory, agents: configuration.hostDirectory),
      tree: ProcessTree(root: configuration.procDirectory), loop: loop, logger: shell.logger, report: report)
  }
}
