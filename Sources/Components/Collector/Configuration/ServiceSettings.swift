import HTTPTransport
import JSON

/// The section `service`.
struct ServiceSettings: Sendable {
  /// How much the log says.
  enum LogLevel: String, CaseIterable, Sendable { case debug, info, warn, error }
  private enum MetricsLevel: String, CaseIterable { case none, basic, normal, detailed }

  /// The extensions to start, in order.
  let extensions: [ComponentID]
  /// Where the collector's own metrics are served; nil for nowhere.
  let metrics: SocketAddress?
  /// Nil leaves it to the process.
  let logLevel: LogLevel?
  /// What the collector says of itself in its metrics.
  let resource: [(name: String, value: String)]
  let pipelines: [PipelineSettings]

  init(_ settings: Settings, defined: DefinedComponents) {
    var extensions: [ComponentID] = []
    for name in settings.strings("extensions") {
      if let id = ComponentID(name), defined.extensions.contains(id) {
        extensions.append(id)
      } else {
        settings.problem("extensions", DefinedComponents.missing(name, "extensions", defined.extensions))
      }
    }
    self.extensions = extensions
    pipelines = PipelineSettings.all(settings.section("pipelines"), defined: defined)
    let telemetry = settings.section("telemetry")
    logLevel = Self.logLevel(telemetry.section("logs"))
    metrics = Self.metricsAddress(telemetry.section("metrics"))
    let attributes = telemetry.section("resource")
    resource = attributes.keys.compactMap { key in attributes.string(key).map { (key, $0) } }
    telemetry.refuse("traces", "it does not trace itself; remove the key")
    telemetry.finish()
    settings.finish()
  }

  private static func logLevel(_ settings: Settings) -> LogLevel? {
    let level = settings.has("level") ? settings.choice("level", default: LogLevel.info) : nil
    settings.refuse("encoding", "its log lines are JSON; remove the key")
    settings.finish()
    return level
  }

  private static func metricsAddress(_ settings: Settings) -> SocketAddress? {
    let level = settings.choice("level", default: MetricsLevel.normal)
    var address = settings.listenAddress("address", default: DefaultEndpoint.metrics)
    if let readers = settings.raw("readers") {
      if settings.has("address") { settings.problem("readers", "give either address or readers") }
      if let reader = prometheusReader(readers, settings) { address = reader }
    }
    settings.finish()
    return level == .none ? nil : address
  }

  /// The newer form: `readers: [{pull: {exporter: {prometheus: {host, port}}}}]`.
  private static func prometheusReader(_ value: JSONValue, _ settings: Settings) -> SocketAddress? {
    guard let readers = value.array, readers.count == 1, let reader = readers.first else {
      settings.problem("readers", "one reader is expected: [{pull: {exporter: {prometheus: {host, port}}}}]")
      return nil
    }
    let entry = Settings(reader, path: settings.path + ".readers[0]", findings: settings.findings)
    let (pull, exporter) = (entry.section("pull"), entry.section("pull").section("exporter"))
    let prometheus = exporter.section("prometheus")
    _ = pull.has("exporter")
    let host = prometheus.string("host") ?? "localhost"
    let port = prometheus.int("port", default: 8888, in: 0...65535)
    for section in [prometheus, exporter, pull, entry] { section.finish() }
    return .tcp(host: host, port: UInt16(clamping: port))
  }
}
