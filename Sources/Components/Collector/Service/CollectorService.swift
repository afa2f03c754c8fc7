import EventLoop
import HTTPTransport
import Logging
import Synchronization

/// A running collector: listeners before a graph of pipelines that can be exchanged.
public actor CollectorService {
  private let loop: EventLoop
  private let logger: Logger
  private let surroundings: PipelineGraph.Surroundings
  private let isReady = ReadyFlag()
  private var graph: PipelineGraph?
  private var receivers: [ComponentID: OTLPReceiver] = [:]
  private var healthServers: [ComponentID: (settings: HealthCheckSettings, server: HTTPServer)] = [:]
  private var metricsServer: (configured: SocketAddress, server: HTTPServer)?

  /// Makes a collector that does nothing yet.
  public init(logger: Logger) throws(SystemError) {
    try self.init(logger: logger, memory: .current)
  }

  init(logger: Logger, memory: ProcessMemory) throws(SystemError) {
    let loop = try EventLoop(name: "collector")
    self.loop = loop
    self.logger = logger
    surroundings = PipelineGraph.Surroundings(
      loop: loop, metrics: CollectorMetrics(), logger: logger, memory: memory)
    let start = ContinuousClock.now
    surroundings.metrics.gauge(MetricName.memory, help: "Resident memory in bytes.") { memory.resident() ?? 0 }
    surroundings.metrics.gauge(MetricName.uptime, help: "Seconds since the start.") {
      Int((ContinuousClock.now - start).components.seconds)
    }
  }

  /// Starts what the configuration says. After an error nothing listens.
  public func start(_ configuration: CollectorConfiguration) async throws(ConfigurationError) {
    do {
      try await apply(configuration)
    } catch {
      await stop(grace: .zero)
      throw error
    }
    logger.info("collector is ready", metadata: ["pipelines": "\(configuration.service.pipelines.count)"])
  }

  /// Exchanges the pipelines. Listeners whose settings did not change go on without a break; what the old pipelines
  /// hold is sent. After an error the collector runs on as far as it can, and the error says what is missing.
  public func reload(_ configuration: CollectorConfiguration) async throws(ConfigurationError) {
    try await apply(configuration)
    logger.info("configuration was reloaded", metadata: ["pipelines": "\(configuration.service.pipelines.count)"])
  }

  /// Takes no more data, sends what is held, at most for `grace`, and ends.
  public func stop(grace: Duration) async {
    isReady.set(false)
    let deadline = ContinuousClock.now + grace
    for receiver in receivers.values { await receiver.stop(grace: grace / 4) }
    receivers = [:]
    await graph?.drain(until: deadline)
    graph = nil
    for (_, server) in healthServers.values { await server.shutdown(grace: .zero) }
    healthServers = [:]
    await metricsServer?.server.shutdown(grace: .zero)
    metricsServer = nil
    loop.shutdown()
  }

  /// Where a receiver listens, for tests with ports that the system chooses.
  func address(_ receiver: String, _ transport: OTLPIntake.Transport) -> SocketAddress? {
    ComponentID(receiver).flatMap { receivers[$0] }?.address(transport)
  }

  /// Where the extension listens.
  func healthAddress(_ name: String = "health_check") -> SocketAddress? {
    ComponentID(name).flatMap { healthServers[$0] }?.server.address
  }

  /// Where the collector's own metrics are.
  var metricsAddress: SocketAddress? { metricsServer?.server.address }

  /// The collector's own metrics as text.
  var metricsText: String { surroundings.metrics.prometheusText() }

  private func apply(_ configuration: CollectorConfiguration) async throws(ConfigurationError) {
    let old = graph
    let new = try PipelineGraph(configuration, surroundings, reusing: old)
    graph = new
    let failure = await applyListeners(configuration, new)
    if let old { await old.drain(until: .now + .seconds(10), successor: new) }
    if let failure { throw failure }
    isReady.set(true)
  }

  private func applyListeners(
    _ configuration: CollectorConfiguration, _ graph: PipelineGraph
  ) async -> ConfigurationError? {
    do {
      try await applyReceivers(configuration, graph)
      try await applyHealthChecks(configuration)
      try await applyMetrics(configuration.service)
      return nil
    } catch {
      return error
    }
  }

  private func applyReceivers(
    _ configuration: CollectorConfiguration, _ graph: PipelineGraph
  ) async throws(ConfigurationError) {
    for (id, receiver) in receivers where configuration.receivers[id] != receiver.settings || graph.intakes[id] == nil {
      await receiver.stop(grace: .seconds(2))
      receivers[id] = nil
    }
    for (id, pipelines) in graph.intakes.sorted(by: { $0.key < $1.key }) {
      if let receiver = receivers[id] {
        receiver.intake.redirect(to: pipelines)
      } else if let settings = configuration.receivers[id] {
        let intake = OTLPIntake(
          name: id.description, pipelines: pipelines, metrics: surroundings.metrics, log: RareLog(logger))
        let receiver = try await OTLPReceiver(id, settings, intake: intake, loop: loop)
        receivers[id] = receiver
        for transport in OTLPIntake.Transport.allCases {
          guard let address = receiver.address(transport) else { continue }
          logger.info("receiver \(id) listens", metadata: ["transport": "\(transport)", "address": "\(address)"])
        }
      }
    }
  }

  private func applyHealthChecks(_ configuration: CollectorConfiguration) async throws(ConfigurationError) {
    let wanted = configuration.extensions.filter { configuration.service.extensions.contains($0.key) }
    for (id, running) in healthServers where wanted[id] != running.settings {
      await running.server.shutdown(grace: .zero)
      healthServers[id] = nil
    }
    for (id, settings) in wanted where healthServers[id] == nil {
      let check = HealthCheck(path: settings.path, isReady: isReady)
      let server = try listen(settings.address, "\(ComponentKind.extension.rawValue).\(id).endpoint") {
        check.answer($0)
      }
      healthServers[id] = (settings, server)
    }
  }

  private func applyMetrics(_ service: ServiceSettings) async throws(ConfigurationError) {
    let metrics = surroundings.metrics
    metrics.removeGauges(named: MetricName.target)
    if !service.resource.isEmpty {
      let labels = service.resource.map { (name: CollectorMetrics.labelName($0.name), value: $0.value) }
      metrics.gauge(MetricName.target, help: "What the collector says of itself.", labels) { 1 }
    }
    if metricsServer?.configured == service.metrics { return }
    await metricsServer?.server.shutdown(grace: .zero)
    metricsServer = nil
    guard let address = service.metrics else { return }
    let server = try listen(address, "service.telemetry.metrics.address") { request in
      guard request.path == "/metrics" else { return HTTPResponse(status: 404, contentType: "text/plain") }
      return HTTPResponse(
        status: 200, contentType: "text/plain; version=0.0.4; charset=utf-8",
        body: Array(metrics.prometheusText().utf8))
    }
    metricsServer = (address, server)
  }

  private func listen(
    _ address: SocketAddress, _ path: String, _ answer: @escaping @Sendable (HTTPRequest) -> HTTPResponse
  ) throws(ConfigurationError) -> HTTPServer {
    do {
      return try HTTPServer(
        configuration: HTTPServerConfiguration(address: address), loop: loop, handler: .inline(answer))
    } catch {
      throw ConfigurationError(["\(path): cannot listen at \(address): \(error)"])
    }
  }
}
