import EventLoop
import Logging
import Telemetry

/// The processors and exporters of one configuration, connected.
final class PipelineGraph: Sendable {
  /// What the graph is built with.
  struct Surroundings: Sendable {
    var loop: EventLoop
    var metrics: CollectorMetrics
    var logger: Logger
    var memory: ProcessMemory
  }

  /// An exporter's sender, which all its signals share, and which a reload keeps where the settings are the same.
  struct OpenSender: Sendable {
    var settings: ExporterSettings
    var sender: any TelemetrySender
  }

  /// Where each receiver's signals go.
  let intakes: [ComponentID: [Signal: any TelemetryConsumer]]
  private let batches: [any DrainableStage]
  private let exports: [any DrainableStage]
  private let senders: [ComponentID: OpenSender]

  /// Builds the graph; senders of `previous` whose settings did not change are used on.
  init(
    _ configuration: CollectorConfiguration, _ surroundings: Surroundings, reusing previous: PipelineGraph? = nil
  ) throws(ConfigurationError) {
    var builder = GraphBuilder(configuration, surroundings, reusable: previous?.senders ?? [:])
    for pipeline in configuration.service.pipelines { try builder.add(pipeline) }
    intakes = builder.intakes()
    batches = builder.batches
    exports = builder.exports.values.map { $0 }
    senders = builder.senders
  }

  /// Hands on everything that is held, from the front to the back, and closes the senders that `successor` does not
  /// use on.
  func drain(until deadline: ContinuousClock.Instant, successor: PipelineGraph? = nil) async {
    await Self.drain(batches, until: deadline)
    await Self.drain(exports, until: deadline)
    for (id, open) in senders where successor?.senders[id]?.settings != open.settings { await open.sender.close() }
  }

  private static func drain(_ stages: [any DrainableStage], until deadline: ContinuousClock.Instant) async {
    await withTaskGroup { group in
      for stage in stages { group.addTask { await stage.drain(until: deadline) } }
    }
  }
}

/// Connects pipelines from their ends to their beginnings.
private struct GraphBuilder {
  private struct ExportKey: Hashable {
    var id: ComponentID
    var signal: Signal
  }

  private let configuration: CollectorConfiguration
  private let surroundings: PipelineGraph.Surroundings
  private let reusable: [ComponentID: PipelineGraph.OpenSender]
  private let log: RareLog
  private var limiters: [ComponentID: MemoryLimiter] = [:]
  private var heads: [ComponentID: [Signal: [FanOut.Branch]]] = [:]
  private(set) var senders: [ComponentID: PipelineGraph.OpenSender] = [:]
  private(set) var batches: [any DrainableStage] = []
  private(set) var exports: [AnyHashable: ExportStage] = [:]

  init(
    _ configuration: CollectorConfiguration, _ surroundings: PipelineGraph.Surroundings,
    reusable: [ComponentID: PipelineGraph.OpenSender]
  ) {
    self.configuration = configuration
    self.surroundings = surroundings
    self.reusable = reusable
    log = RareLog(surroundings.logger)
  }

  mutating func add(_ pipeline: PipelineSettings) throws(ConfigurationError) {
    var branches: [FanOut.Branch] = []
    for id in pipeline.exporters {
      guard let settings = configuration.exporters[id] else { continue }
      let export = try export(id, settings, pipeline.signal)
      branches.append(FanOut.Branch(consumer: export.stage, refused: export.refused, name: "exporter \(id)"))
    }
    var head = consumer(branches)
    for id in pipeline.processors.reversed() {
      guard let settings = configuration.processors[id] else { continue }
      head = processor(id, settings, pipeline.signal, next: head)
    }
    let refused = counter(MetricName.processorDropped, pipeline.signal, [("pipeline", pipeline.id.description)])
    let branch = FanOut.Branch(consumer: head, refused: refused, name: "pipeline \(pipeline.id)")
    for receiver in pipeline.receivers { heads[receiver, default: [:]][pipeline.signal, default: []].append(branch) }
  }

  func intakes() -> [ComponentID: [Signal: any TelemetryConsumer]] {
    heads.mapValues { $0.mapValues(consumer) }
  }

  private func consumer(_ branches: [FanOut.Branch]) -> any TelemetryConsumer {
    if branches.count == 1, let branch = branches.first { return branch.consumer }
    return FanOut(branches: branches, log: log)
  }

  private mutating func processor(
    _ id: ComponentID, _ settings: ProcessorSettings, _ signal: Signal, next: any TelemetryConsumer
  ) -> any TelemetryConsumer {
    let labels = [(name: "processor", value: id.description)]
    switch settings {
    case .resource(let edits): return ResourceProcessor(edits: edits, next: next)
    case .batch(let settings):
      let batch = BatchProcessor(
        settings, signal: signal, next: next, dropped: counter(MetricName.processorDropped, signal, labels), log: log)
      batches.append(batch)
      return batch
    case .memoryLimiter(let settings):
      let limiter =
        limiters[id]
        ?? MemoryLimiter(
          settings, memory: surroundings.memory, available: ProcessMemory.available(), logger: surroundings.logger)
      limiters[id] = limiter
      return MemoryLimiterProcessor(
        limiter: limiter, refused: counter(MetricName.processorRefused, signal, labels), next: next)
    }
  }

  private mutating func export(
    _ id: ComponentID, _ settings: ExporterSettings, _ signal: Signal
  ) throws(ConfigurationError) -> (stage: ExportStage, refused: Counter) {
    let labels = [(name: "exporter", value: id.description)]
    let refused = counter(MetricName.exporterEnqueueFailed, signal, labels)
    let key = AnyHashable(ExportKey(id: id, signal: signal))
    if let stage = exports[key] { return (stage, refused) }
    let stage = ExportStage(
      name: id.description, queue: settings.delivery.queue, retry: settings.delivery.retry,
      sender: try sender(id, settings),
      counters: ExportStage.Counters(
        sent: counter(MetricName.exporterSent, signal, labels),
        failed: counter(MetricName.exporterSendFailed, signal, labels), refused: refused),
      log: RareLog(surroundings.logger))
    exports[key] = stage
    showQueue(stage, settings.delivery.queue, labels + [("data_type", signal.rawValue)])
    return (stage, refused)
  }

  private mutating func sender(
    _ id: ComponentID, _ settings: ExporterSettings
  ) throws(ConfigurationError) -> any TelemetrySender {
    if let open = senders[id] { return open.sender }
    let kept = reusable[id].flatMap { $0.settings == settings ? $0.sender : nil }
    let factory = SenderFactory(loop: surroundings.loop, logger: surroundings.logger)
    let sender = if let kept { kept } else { try factory.sender(id, settings) }
    senders[id] = PipelineGraph.OpenSender(settings: settings, sender: sender)
    return sender
  }

  private func showQueue(_ stage: ExportStage, _ queue: QueueSettings, _ labels: [(name: String, value: String)]) {
    guard queue.enabled else { return }
    surroundings.metrics.gauge(
      MetricName.exporterQueueSize, help: "What waits in the sending queue, in the unit of its sizer.", labels
    ) { stage.queueSize }
    surroundings.metrics.gauge(
      MetricName.exporterQueueCapacity, help: "The most that the sending queue takes.", labels
    ) { queue.size }
  }

  private func counter(_ name: String, _ signal: Signal, _ labels: [(name: String, value: String)]) -> Counter {
    surroundings.metrics.counter(
      "\(name)_\(signal.itemName)", help: "Number of \(signal.itemName), see the name of the metric.", labels)
  }
}
