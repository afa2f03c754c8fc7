import Concurrency
import EventLoop
import Glibc
import HTTPTransport
import Logging

/// What a device plugin is to the kubelet.
public struct DevicePluginConfiguration: Sendable {
  /// The extended resource that pods ask for.
  public var resourceName: String
  /// How many containers of the node may hold a device at once.
  public var capacity: Int
  /// What a container with a device sees of the host.
  public var mounts: [HostMount]
  /// Where the sockets are.
  public var directory = DevicePluginAPI.directory

  /// Makes a configuration.
  public init(resourceName: String, capacity: Int, mounts: [HostMount]) {
    self.resourceName = resourceName
    self.capacity = capacity
    self.mounts = mounts
  }

  /// The name of the plugin's socket: the resource's with an underscore for the slash.
  public var socketName: String { String(resourceName.map { $0 == "/" ? "_" : $0 }) }
  /// The plugin's socket.
  public var socketPath: String { "\(directory)/\(socketName)" }
  /// The kubelet's socket.
  public var kubeletSocketPath: String { "\(directory)/\(DevicePluginAPI.kubeletSocket)" }
}

/// A device plugin whose devices are mounts of host directories. Serves, registers with the kubelet, and does both
/// anew when the kubelet starts anew: `RegistrationMachine` decides, this performs.
public final class DevicePlugin: Sendable {
  private enum Signal: Sendable {
    case directoryChanged
    case streamsChanged
    case tick
    case outcome(RegistrationMachine.Event)
  }

  private let configuration: DevicePluginConfiguration
  private let watch: SharedDirectoryWatch
  private let loop: EventLoop
  private let logger: Logger
  private let inventory: DeviceInventory
  private let status: ServingStatus
  private let complaint = Locked(Complaint())
  private let onStateChange: @Sendable (RegistrationMachine.State) -> Void

  /// Makes a plugin; nothing happens before `run`.
  ///
  /// - Parameters:
  ///   - watch: tells of changes in the directory of the configuration; plugins of one directory share it.
  ///   - status: what the gRPC health service on its socket says.
  ///   - onStateChange: is told whether the kubelet knows the plugin.
  public init(
    configuration: DevicePluginConfiguration, watch: SharedDirectoryWatch, loop: EventLoop, logger: Logger,
    status: ServingStatus, onStateChange: @escaping @Sendable (RegistrationMachine.State) -> Void
  ) {
    self.configuration = configuration
    self.watch = watch
    self.loop = loop
    self.logger = logger
    self.onStateChange = onStateChange
    self.status = status
    inventory = DeviceInventory(count: configuration.capacity)
  }

  /// Says why no container may get a device, or nil that they may; the kubelet is told at once.
  public func setProblem(_ problem: String?) { inventory.setProblem(problem) }

  /// Changes how many containers may hold a device; the kubelet is told at once.
  public func setCapacity(_ capacity: Int) { inventory.setCount(capacity) }

  /// How many streams follow the devices, whoever reads them.
  var watcherCount: Int { inventory.watchers.count }

  /// Serves and keeps registered until the task is cancelled; then removes the socket.
  public func run() async {
    let (signals, continuation) = AsyncStream.makeStream(of: Signal.self)
    let handler = watch.add { continuation.yield(.directoryChanged) }
    defer { watch.remove(handler) }
    inventory.onWatchersChange { continuation.yield(.streamsChanged) }
    // Discarding: registrations that have ended must not gather over the years.
    await withDiscardingTaskGroup { group in
      group.addTask {
        // The back-up for lost or unsupported inotify events, and the clock of retries.
        while !Task.isCancelled {
          continuation.yield(.tick)
          await Beat.next(.seconds(1))
        }
        continuation.finish()
      }
      await self.work(signals, group: &group) { continuation.yield($0) }
    }
  }

  private func work(
    _ signals: AsyncStream<Signal>, group: inout DiscardingTaskGroup, yield: @escaping @Sendable (Signal) -> Void
  ) async {
    let clock = ContinuousClock()
    let start = clock.now
    var machine = RegistrationMachine()
    var server = PluginSocket(configuration: configuration, loop: loop, inventory: inventory, status: status)
    for await signal in signals {
      for event in events(of: signal, server: server) {
        let countedAll = machine.countsEveryProcess
        for action in machine.receive(event, at: clock.now - start) {
          await perform(action, server: &server, group: &group, yield: yield)
        }
        if machine.countsEveryProcess, !countedAll { tellOfOthers() }
      }
    }
    await server.stop()
  }

  private func events(of signal: Signal, server: PluginSocket) -> [RegistrationMachine.Event] {
    let tick = RegistrationMachine.Event.tick(watchers: inventory.watchers)
    // First what is there: a new kubelet is registered with as such, and not as one that is tried again.
    let looked = RegistrationMachine.Event.looked(
      kubelet: SocketIdentity(path: configuration.kubeletSocketPath), isOwnSocketGone: server.isGone)
    switch signal {
    // The kubelet's stream may have come before the answer that it accepts us.
    case .outcome(let event): return [event, tick]
    case .streamsChanged: return [tick]
    case .directoryChanged: return [looked]
    case .tick:
      watch.refresh()
      return [looked, tick]
    }
  }

  private func perform(
    _ action: RegistrationMachine.Action, server: inout PluginSocket, group: inout DiscardingTaskGroup,
    yield: @escaping @Sendable (Signal) -> Void
  ) async {
    switch action {
    case .serve(let attempt):
      await server.stop()
      do { try server.start() } catch {
        yield(.outcome(.servingFailed(attempt: attempt, reason: "\(error)")))
      }
    case .register(let attempt):
      guard server.isServing else { return }
      group.addTask { [self] in
        do throws(GRPCStatus) {
          yield(.outcome(.registered(attempt: attempt, by: try await register())))
        } catch {
          yield(.outcome(.failed(attempt: attempt, reason: error.description)))
        }
      }
    case .report(let state): report(state)
    case .wake(let pause):
      let loop = loop
      loop.execute { _ = loop.schedule(after: pause) { yield(.tick) } }
    }
  }

  /// Answers which process listens at the kubelet's socket; nil where it cannot be seen.
  private func register() async throws(GRPCStatus) -> Int32? {
    var request = RegisterRequest()
    request.version = DevicePluginAPI.version
    request.endpoint = configuration.socketName
    request.resourceName = configuration.resourceName
    request.options = DevicePluginService.options
    let client = GRPCClient(address: .unix(path: configuration.kubeletSocketPath), loop: loop)
    defer { client.close() }
    _ = try await client.unary(DevicePluginAPI.register, request.protobuf(), timeout: .seconds(5))
    return await client.peer?.processID
  }

  private func tellOfOthers() {
    logger.notice(
      "the devices are followed by another process than the one that listens at the kubelet's socket; it counts as it",
      metadata: ["resource": "\(configuration.resourceName)"])
  }

  private func report(_ state: RegistrationMachine.State) {
    let resource: Logger.Metadata = ["resource": "\(configuration.resourceName)"]
    switch state {
    case .absent: logger.warning("no kubelet at \(configuration.kubeletSocketPath)", metadata: resource)
    case .pending: logger.debug("registering with the kubelet", metadata: resource)
    case .registered:
      complaint.withLock { $0 = Complaint() }
      logger.info("registered with the kubelet", metadata: resource)
    case .failed(let reason):
      guard complaint.withLock({ $0.isDue(reason, at: .now) }) else { break }
      logger.warning(
        "registration with the kubelet failed; it is tried again",
        metadata: resource.merging(["error": "\(reason)"]) { $1 })
    }
    onStateChange(state)
  }
}
