import Telemetry

/// Batches that wait, first in, first out, with a bound.
struct BatchQueue {
  private let settings: QueueSettings
  private var incoming: [TelemetryBatch] = []
  private var outgoing: [TelemetryBatch] = []
  /// In the unit of the sizer.
  private(set) var size = 0

  init(_ settings: QueueSettings) { self.settings = settings }

  var capacity: Int { settings.size }
  var isEmpty: Bool { incoming.isEmpty && outgoing.isEmpty }

  /// Adds a batch; false where the queue is full. A batch larger than the whole queue fits into an empty one.
  mutating func append(_ batch: TelemetryBatch) -> Bool {
    let weight = weight(of: batch)
    guard size == 0 || size + weight <= capacity else { return false }
    size += weight
    incoming.append(batch)
    return true
  }

  mutating func popFirst() -> TelemetryBatch? {
    if outgoing.isEmpty {
      outgoing = incoming.reversed()
      incoming = []
    }
    guard let batch = outgoing.popLast() else { return nil }
    size -= weight(of: batch)
    return batch
  }

  private func weight(of batch: TelemetryBatch) -> Int {
    switch settings.sizer {
    case .requests: 1
    case .items: batch.itemCount
    case .bytes: batch.bytes.count
    }
  }
}
