extension TelemetryBatch {
  /// The same items in batches of at most so many. Resources, scopes and metrics that are cut are repeated in each
  /// part; a resource without items stays with what precedes it.
  public func split(maximumItems: Int) throws(WireError) -> [TelemetryBatch] {
    guard maximumItems > 0, itemCount > maximumItems else { return [self] }
    var splitter = BatchSplitter(signal, bytes, maximumItems: maximumItems)
    return try splitter.split()
  }
}

/// Packs items into parts one after another.
///
/// While it walks down, it keeps one open copy of each message on the way: the fields that every part repeats, and the
/// children that this part has so far. When a part is full, the open messages are closed from the innermost outward.
private struct BatchSplitter {
  private struct OpenMessage {
    /// The field of the enclosing message that holds this one.
    var number: Int
    /// The fields beside the children.
    var common: [UInt8]
    var children = WireWriter()
  }

  private let signal: Signal
  private let bytes: [UInt8]
  private let maximumItems: Int
  private var open: [OpenMessage] = []
  private var count = 0
  private var parts: [TelemetryBatch] = []

  init(_ signal: Signal, _ bytes: [UInt8], maximumItems: Int) {
    self.signal = signal
    self.bytes = bytes
    self.maximumItems = maximumItems
  }

  mutating func split() throws(WireError) -> [TelemetryBatch] {
    try enter(signal.request, number: 0, in: bytes.indices)
    return parts
  }

  /// Distributes the children of one message over parts.
  private mutating func enter(_ type: MessageType, number: Int, in range: Range<Int>) throws(WireError) {
    var common = WireWriter()
    var children: [(field: WireField, type: MessageType, content: Range<Int>)] = []
    var reader = WireReader(bytes, in: range)
    while let field = try reader.next() {
      if case .delimited(let content) = field.value, let child = Self.child(of: type, field.number) {
        children.append((field, child, content))
      } else {
        common.raw(bytes[field.range])
      }
    }
    let level = open.count
    open.append(OpenMessage(number: number, common: level == 0 ? [] : common.bytes))
    // What newer versions may put beside the resources goes out once.
    if level == 0 { open[0].children.raw(common.bytes) }
    for child in children {
      var walk = WireWalk(bytes)
      try walk.check(child.type, in: child.content)
      if count + walk.itemCount <= maximumItems {
        open[level].children.raw(bytes[child.field.range])
        count += walk.itemCount
      } else if child.type.schema.isItem {
        closePart()
        open[level].children.raw(bytes[child.field.range])
        count = 1
      } else {
        try enter(child.type, number: child.field.number, in: child.content)
      }
    }
    if level == 0 {
      if open[0].children.bytes.isEmpty { open = [] } else { closePart() }
    } else {
      closeInnermost()
    }
  }

  /// Moves the innermost open message into the one around it.
  private mutating func closeInnermost() {
    let message = open.removeLast()
    guard !message.children.bytes.isEmpty, !open.isEmpty else { return }
    open[open.count - 1].children.delimited(message.number, message.common + message.children.bytes)
  }

  /// Ends a part, leaving the same messages open without children.
  private mutating func closePart() {
    let reopened = open.map { OpenMessage(number: $0.number, common: $0.common) }
    while open.count > 1 { closeInnermost() }
    if let request = open.first {
      let content = request.common + request.children.bytes
      parts.append(TelemetryBatch(signal, trusted: content, itemCount: count))
    }
    open = reopened
    count = 0
  }

  /// The message in that field, if it is one that leads to items.
  private static func child(of type: MessageType, _ number: Int) -> MessageType? {
    switch (type, number) {
    case (.exportTraceRequest, 1): .resourceSpans
    case (.resourceSpans, 2): .scopeSpans
    case (.scopeSpans, 2): .span
    case (.exportMetricsRequest, 1): .resourceMetrics
    case (.resourceMetrics, 2): .scopeMetrics
    case (.scopeMetrics, 2): .metric
    case (.metric, 5): .gauge
    case (.metric, 7): .sum
    case (.metric, 9): .histogram
    case (.metric, 10): .exponentialHistogram
    case (.metric, 11): .summary
    case (.gauge, 1), (.sum, 1): .numberDataPoint
    case (.histogram, 1): .histogramDataPoint
    case (.exponentialHistogram, 1): .exponentialHistogramDataPoint
    case (.summary, 1): .summaryDataPoint
    case (.exportLogsRequest, 1): .resourceLogs
    case (.resourceLogs, 2): .scopeLogs
    case (.scopeLogs, 2): .logRecord
    default: nil
    }
  }
}
