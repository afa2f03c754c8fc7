import Concurrency
import EventLoop
import HTTPTransport
import KubeClient
import KubeObjects
import KubeRuntime
import Logging
import OdigosObjects
import ProcessInspection

/// The OpAMP server of a node with everything around it: listeners, the end of processes, and the objects that tell
/// what the agents are.
final class OpAMPServer: Sendable {
  private let configs: Informer<InstrumentationConfig>
  private let pods: Informer<Pod>
  private let client: KubeClient
  private let tree: ProcessTree
  private let addresses: [SocketAddress]
  private let nodeAddresses: [String]
  private let logger: Logger
  private let directory = PodDirectory()

  /// How long a change of the listeners may go unnoticed.
  private static let listenerInterval = 5

  /// Make it before the informers run, so that it hears of all that they do. `addresses` are what it listens on,
  /// `nodeAddresses` those of the node itself.
  init(
    configs: Informer<InstrumentationConfig>, pods: Informer<Pod>, client: KubeClient, tree: ProcessTree,
    addresses: [SocketAddress], nodeAddresses: [String], logger: Logger
  ) {
    self.configs = configs
    self.pods = pods
    self.client = client
    self.tree = tree
    self.addresses = addresses
    self.nodeAddresses = nodeAddresses
    self.logger = logger
    pods.onChange { [directory] old, new in
      if let key = new?.key ?? old?.key { directory.set(key, new.map(AgentPod.init)) }
    }
  }

  /// Serves until the task is cancelled. Without a thread or descriptors to spare now, it begins later: what else the
  /// node agent does goes on.
  func run() async {
    while !Task.isCancelled {
      do throws(SystemError) {
        let loop = try EventLoop(name: "opamp")
        defer { loop.shutdown() }
        return await serve(on: loop)
      } catch {
        logger.error("agents are not served; trying again", metadata: ["error": "\(error)"])
        try? await Task.sleep(for: .seconds(10))
      }
    }
  }

  private func serve(on loop: EventLoop) async {
    let (ends, told) = AsyncStream.makeStream(of: ProcessIdentity.self)
    let processes = ProcessEnds(tree: tree, loop: loop, maximumDescriptors: RepresentativeEnds.descriptors) {
      told.yield($0)
    }
    defer { processes.close() }
    let (changes, changed) = AsyncStream.makeStream(of: Set<AgentPlace>.self)
    let service = OpAMPService(
      OpAMPService.Surroundings(
        locator: AgentLocator(pods: directory, tree: tree, nodeAddresses: nodeAddresses), pods: directory,
        config: { [configs] in configs.get($0) }, changed: { changed.yield($0) }, follow: { processes.follow($0) }),
      logger: logger)
    let reporter = InstanceReporter(calls: .init(client), logger: logger) { service.desired($0) }
    pods.onChange { old, new in
      if let old, old.metadata.uid != new?.metadata.uid { service.podEnded(old.key, uid: old.metadata.uid ?? "") }
    }
    configs.onChange { old, new in
      // Statuses change often, and say nothing to agents.
      if let old, let new, old.json["spec"] == new.json["spec"] { return }
      if let key = (new ?? old)?.key { service.configChanged(key) }
    }
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await reporter.run() }
      group.addTask { for await process in ends { service.processEnded(process) } }
      group.addTask { for await places in changes { for place in places { reporter.enqueue(place) } } }
      group.addTask { await self.listen(service, loop) }
      group.addTask { await self.adoptLeftovers(service, reporter) }
      await withTaskCancellationHandler {
        await group.waitForAll()
      } onCancel: {
        told.finish()
        changed.finish()
      }
    }
  }

  /// Serves and lets the service see the time, once the pods are known: before, nobody could be told who is who.
  private func listen(_ service: OpAMPService, _ loop: EventLoop) async {
    await pods.waitForSync()
    await configs.waitForSync()
    var listeners = addresses.map {
      OpAMPListener($0, loop: loop, handler: .inline { service.answer($0) }, logger: logger)
    }
    var seconds = 0
    while !Task.isCancelled {
      if seconds % Self.listenerInterval == 0 {
        for index in listeners.indices { await listeners[index].keep() }
      }
      seconds += 1
      service.tick()
      await Beat.next(.seconds(1))
    }
    for index in listeners.indices { await listeners[index].stop() }
  }

  // MARK: What was there before

  private func adoptLeftovers(_ service: OpAMPService, _ reporter: InstanceReporter) async {
    await pods.waitForSync()
    var backoff = Backoff(initial: .seconds(1), maximum: .seconds(60))
    while !Task.isCancelled {
      do throws(KubeError) {
        return try await adopt(service, reporter)
      } catch {
        logger.warning("instrumentation instances of before are not cleaned up yet", metadata: ["error": "\(error)"])
        try? await Task.sleep(for: backoff.next(random: .random(in: 0..<1)))
      }
    }
  }

  private func adopt(_ service: OpAMPService, _ reporter: InstanceReporter) async throws(KubeError) {
    let leftovers = LeftoverInstances(pods: directory, tree: tree)
    var options = ListOptions()
    options.limit = 200
    var token: String?
    repeat {
      let page = try await client.page(
        InstrumentationInstance.type, namespace: nil, options, continueToken: token
      ) { json -> (InstrumentationInstance, LeftoverInstances.Decision)? in
        let instance = InstrumentationInstance(json: json)
        let decision = leftovers.decide(instance)
        return decision == .leave ? nil : (instance, decision)
      }
      for case (let instance, let decision)? in page.items {
        switch decision {
        case .leave: break
        // The id may have become another process's meanwhile, and the name that one's.
        case .delete where reporter.knows(instance.key): break
        case .delete: try await client.delete(InstrumentationInstance.self, instance.key)
        case .expect(let place):
          reporter.note(instance, of: place)
          service.expect(place)
        }
      }
      token = page.continueToken
    } while token != nil
  }
}
