/// The settings of one exporter.
enum ExporterSettings: Sendable, Equatable {
  case otlp(OTLPExporterSettings)
  case otlpHTTP(OTLPHTTPExporterSettings)
  case debug(DebugExporterSettings)
  case file(FileExporterSettings)

  /// Reads the settings of an exporter of a known type.
  init?(_ id: ComponentID, _ settings: Settings) {
    switch id.type {
    case "otlp", "otlp_grpc": self = .otlp(OTLPExporterSettings(settings))
    case "otlphttp", "otlp_http": self = .otlpHTTP(OTLPHTTPExporterSettings(settings))
    case "debug": self = .debug(DebugExporterSettings(settings))
    case "file": self = .file(FileExporterSettings(settings))
    default: return nil
    }
  }
}

/// How requests are compressed.
enum Compression: String, CaseIterable, Sendable { case gzip, none }

/// What is kept while a peer cannot take it: `sending_queue`.
struct QueueSettings: Sendable, Equatable {
  /// What the size counts.
  enum Sizer: String, CaseIterable, Sendable { case requests, items, bytes }

  var enabled = true
  /// The most requests under way at once.
  var consumers = 10
  var size = 1000
  var sizer = Sizer.requests

  /// No queue: the sender waits for the peer.
  static let none = QueueSettings(enabled: false)

  init(enabled: Bool) { self.enabled = enabled }

  /// Reads `sending_queue` of an exporter's settings.
  init(_ exporter: Settings) {
    let settings = exporter.section("sending_queue")
    enabled = settings.bool("enabled", default: enabled)
    consumers = settings.int("num_consumers", default: consumers, in: 1...1000)
    size = settings.int("queue_size", default: size, in: 1...Int.max)
    sizer = settings.choice("sizer", default: sizer)
    settings.refuse("storage", "its queue is in memory only; remove the key")
    settings.refuse("batch", "use the processor batch")
    settings.refuse("block_on_overflow", "a full queue refuses, so that senders wait; remove the key")
    settings.refuse("wait_for_result", "use enabled: false, which waits for the peer")
    settings.finish()
  }
}

/// When a failed request is sent again: `retry_on_failure`.
struct RetrySettings: Sendable, Equatable {
  var enabled = true
  var initialInterval: Duration = .seconds(5)
  var maximumInterval: Duration = .seconds(30)
  /// After how long it is given up; zero for never.
  var maximumElapsedTime: Duration = .seconds(300)
  var multiplier = 1.5
  /// How far an interval may deviate, from 0 to 1.
  var randomization = 0.5

  /// No retries.
  static let none = RetrySettings(enabled: false)

  init(enabled: Bool) { self.enabled = enabled }

  /// Reads `retry_on_failure` of an exporter's settings.
  init(_ exporter: Settings) {
    let settings = exporter.section("retry_on_failure")
    enabled = settings.bool("enabled", default: enabled)
    initialInterval = settings.duration("initial_interval", default: initialInterval)
    maximumInterval = settings.duration("max_interval", default: maximumInterval)
    maximumElapsedTime = settings.duration("max_elapsed_time", default: maximumElapsedTime)
    multiplier = settings.number("multiplier", default: multiplier, in: 1...100)
    randomization = settings.number("randomization_factor", default: randomization, in: 0...1)
    settings.finish()
  }
}

/// What the exporters of OTLP have in common.
struct DeliverySettings: Sendable, Equatable {
  var timeout: Duration
  var compression: Compression
  var headers: [Header]
  var tls: ClientTLSSettings
  var queue: QueueSettings
  var retry: RetrySettings

  /// One header field.
  struct Header: Sendable, Equatable {
    var name: String
    var value: String
  }

  init(_ settings: Settings, timeout: Duration) {
    self.timeout = settings.duration("timeout", default: timeout)
    compression = settings.choice("compression", default: .gzip)
    headers = settings.texts("headers").map { name, value in
      if !Self.isName(name) || !Self.isValue(value) {
        settings.problem("headers", "\"\(name)\" or its value has characters that no header may have")
      }
      return Header(name: name.lowercased(), value: value)
    }
    tls = ClientTLSSettings(settings)
    queue = QueueSettings(settings)
    retry = RetrySettings(settings)
    settings.refuse("auth", "put what the peer asks for into headers")
    settings.refuse("keepalive", "a lost connection is made anew; remove the key")
  }

  /// A token of RFC 9110.
  private static func isName(_ text: String) -> Bool {
    !text.isEmpty
      && text.utf8.allSatisfy {
        (0x30...0x39).contains($0) || (0x41...0x5a).contains($0 & 0xdf) || "!#%&'*+-.^_`|~$".utf8.contains($0)
      }
  }

  private static func isValue(_ text: String) -> Bool { text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7f } }
}
