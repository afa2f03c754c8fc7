/// Telemetry of one signal as it travels: the bytes of an OTLP export request and how many items are in them.
///
/// The bytes are never decoded but where something asks for it. What is in a batch has been validated.
public struct TelemetryBatch: Sendable, Equatable {
  /// The most messages inside one another; the limit of protobuf's own C++ and Java libraries.
  public static let maximumDepth = 100

  /// What the batch carries.
  public let signal: Signal
  /// An `ExportTraceServiceRequest`, `ExportMetricsServiceRequest` or `ExportLogsServiceRequest`.
  public internal(set) var bytes: [UInt8]
  /// The number of spans, data points or log records.
  public private(set) var itemCount: Int

  /// A batch with nothing in it.
  public init(_ signal: Signal) { self.init(signal, trusted: [], itemCount: 0) }

  /// Takes a request from outside; throws where it is malformed at any depth.
  public init(_ signal: Signal, validating bytes: [UInt8]) throws(WireError) {
    var walk = WireWalk(bytes)
    try walk.check(signal.request, in: bytes.indices)
    self.init(signal, trusted: bytes, itemCount: walk.itemCount)
  }

  init(_ signal: Signal, trusted bytes: [UInt8], itemCount: Int) {
    self.signal = signal
    self.bytes = bytes
    self.itemCount = itemCount
  }

  /// Whether there is nothing to send.
  public var isEmpty: Bool { bytes.isEmpty }

  /// Appends a batch of the same signal: repeated fields of protobuf messages concatenate.
  public mutating func append(_ other: TelemetryBatch) {
    bytes += other.bytes
    itemCount += other.itemCount
  }

  /// Where each `ResourceSpans`, `ResourceMetrics` or `ResourceLogs` lies in `bytes`, without its tag and length.
  public func resourceRanges() throws(WireError) -> [Range<Int>] {
    var ranges: [Range<Int>] = []
    var reader = WireReader(bytes)
    while let field = try reader.next() {
      if field.number == 1, case .delimited(let content) = field.value { ranges.append(content) }
    }
    return ranges
  }
}
