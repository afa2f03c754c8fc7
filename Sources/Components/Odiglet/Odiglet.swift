import EventLoop
import KubeClient
import KubeObjects
import KubeRuntime
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
    let preparation = NodePreparation(
      configuration, hasDevice: features.contains(.devicePlugin), loop: loop, client: client, shell: shell)
    let configs = Informer<InstrumentationConfig>(
      client: client, logger: shell.logger,
      keep: { RemoteConfiguration.kept($0, beside: RuntimeInspector.trimmed($0)) })
    let pods = Informer<Pod>(
      client: client, options: ListOptions(fieldSelector: "spec.nodeName=\(configuration.nodeName)"),
      logger: shell.logger, keep: NodePod.trimmed)
    let runtime = ContainerRuntimeClient(sockets: configuration.runtimeSockets, loop: loop)
    defer { runtime.close() }
    let tree = ProcessTree(root: configuration.procDirectory)
    let inspector = RuntimeInspector(
      configs: configs, pods: pods, client: client, tree: tree, runtime: runtime, loop: loop,
      logger: shell.logger)
    let controller = inspector.controller()
    let agents = OpAMPServer(
      configs: configs, pods: pods, client: client, tree: tree, addresses: configuration.opAMPAddresses,
      nodeAddresses: configuration.nodeAddresses, logger: shell.logger)
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await preparation.run() }
      group.addTask { await agents.run() }
      group.addTask { await configs.run() }
      group.addTask { await pods.run() }
      if features.contains(.runtimeInspection) {
        group.addTask { await controller.run() }
        group.addTask {
          let events = features.contains(.processEvents) ? ProcessEvents.open(shell.logger) : nil
          await inspector.watch(controller, events: events)
        }
      }
      group.addTask {
        await configs.waitForSync()
        await pods.waitForSync()
        preparation.readiness.set(ReadinessCondition.informers, !Task.isCancelled)
      }
    }
  }
}
