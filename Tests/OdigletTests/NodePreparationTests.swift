import EventLoop
import HTTPTransport
import KubeClient
import Logging
import Policy
import ServiceShell
import TestSupport
import Testing

@testable import Odiglet

@Suite struct NodePreparationTests {
  @Test func watchesTheKubeletsDirectoryOnceForAllDevices() async throws {
    let scratch = try TemporaryDirectory()
    try scratch.write("plugins/x", "")
    try scratch.write("image/python/agent.py", "x")
    let plugins = "\(scratch.path)/plugins"
    let variables = [
      OdigletEnvironment.nodeName: "n", OdigletEnvironment.devicePluginDirectory: plugins,
      OdigletEnvironment.agentsDirectory: "\(scratch.path)/image",
      OdigletEnvironment.hostDirectory: "\(scratch.path)/host",
    ]
    let configuration = try OdigletConfiguration { variables[$0] }
    #expect(configuration.deviceAliases.count == OdigosResource.olderDevices.count)
    let server = try ScriptedServer()
    try server.play("{}")
    let client = KubeClient(ClusterAccess(server: "http://127.0.0.1:\(server.port)", origin: "the test"))
    let loop = try EventLoop(name: "preparation-test")
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    let preparation = NodePreparation(
      configuration, hasDevice: true, loop: loop, client: client,
      shell: ServiceShell(name: "odiglet", logger: logger, health: HealthState()))
    let task = Task { await preparation.run() }
    // Something in the kubelet's place, so that they are served; by then each has begun to watch.
    let kubelet = try HTTPServer(
      configuration: HTTPServerConfiguration(address: .unix(path: "\(plugins)/kubelet.sock")), loop: loop,
      handler: .inline { _ in HTTPResponse(status: 404) }, grpc: [:])
    try await eventually("every device is served") {
      try FileOperation.names(in: plugins).count { $0.hasPrefix("instrumentation.odigos.io_") }
        == configuration.deviceAliases.count + 1
    }
    #expect(inotifyInstances(on: plugins) == 1)
    task.cancel()
    await task.value
    await kubelet.shutdown(grace: .zero)
    client.shutdown()
    loop.shutdown()
  }
}
