import Concurrency
import EventLoop
import Glibc
import HTTPTransport
import JSON
import KubeObjects
import KubeRuntime
import Logging
import OdigosObjects
import ProcessInspection

@testable import Odiglet

/// The server of a node on real sockets, with everything around it but Kubernetes.
final class ServiceFixture: Sendable {
  let node: NodeFixture
  let instances = FakeInstances()
  let service: OpAMPService
  private let follows: Locked<[ProcessIdentity]>
  private let config: Locked<InstrumentationConfig?>
  private let loop: EventLoop
  private let servers: [HTTPServer]
  private let processes: ProcessEnds
  private let work: Task<Void, Never>

  var port: UInt16 {
    for server in servers { if case .tcp(_, let port) = server.address { return port } }
    return 0
  }

  /// The processes that are followed.
  var followed: [ProcessIdentity] { follows.withLock { $0 } }

  init(config first: JSONValue = RemoteConfigurationTests.config) async throws {
    let node = try NodeFixture()
    let loop = try EventLoop(name: "opamp-test")
    let config = Locked<InstrumentationConfig?>(InstrumentationConfig(json: first))
    let follows = Locked<[ProcessIdentity]>([])
    let (ends, told) = AsyncStream.makeStream(of: ProcessIdentity.self)
    let (changes, changed) = AsyncStream.makeStream(of: Set<AgentPlace>.self)
    // Processes of the fixture are those of the machine only by their ids.
    let processes = ProcessEnds(tree: node.tree, loop: loop) { told.yield($0) }
    let service = OpAMPService(
      OpAMPService.Surroundings(
        locator: AgentLocator(pods: node.pods, tree: node.tree), pods: node.pods,
        config: { key in key.name == "statefulset-web" ? config.withLock { $0 } : nil },
        changed: { changed.yield($0) },
        follow: { process in
          follows.withLock { $0.append(process) }
          processes.follow(process)
        }),
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    let reporter = InstanceReporter(
      calls: instances.calls, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    ) { service.desired($0) }
    var servers: [HTTPServer] = []
    mkdir("\(node.path)/exchange", 0o755)
    for address in [SocketAddress.unix(path: node.socketPath), .tcp(host: "127.0.0.1", port: 0)] {
      var configuration = HTTPServerConfiguration(address: address)
      configuration.identifiesPeers = true
      servers.append(
        try HTTPServer(configuration: configuration, loop: loop, handler: .inline { service.answer($0) }))
    }
    self.node = node
    self.loop = loop
    self.config = config
    self.follows = follows
    self.service = service
    self.servers = servers
    self.processes = processes
    work = Task {
      await withTaskGroup(of: Void.self) { group in
        group.addTask { await reporter.run() }
        group.addTask { for await process in ends { service.processEnded(process) } }
        group.addTask { for await places in changes { for place in places { reporter.enqueue(place) } } }
      }
    }
  }

  /// Changes what is wanted of the workload.
  func configure(_ change: (inout InstrumentationConfig) -> Void) {
    guard var new = config.withLock({ $0 }) else { return }
    change(&new)
    let changed = new
    config.withLock { $0 = changed }
    service.configChanged(ObjectKey(namespace: "shop", name: "statefulset-web"))
  }

  func stop() async {
    work.cancel()
    processes.close()
    for server in servers { await server.shutdown(grace: .zero) }
    loop.shutdown()
  }
}
