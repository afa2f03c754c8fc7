import Concurrency

/// How often values fell below each of some bounds, as Prometheus histograms count them.
public final class Histogram: Sendable {
  private struct Counts: Sendable {
    var buckets: [Int]
    var sum = 0.0
  }
  private let bounds: [Double]
  private let counts: Locked<Counts>

  /// Counts by these upper bounds, in ascending order; what is above the last one is counted too.
  public init(bounds: [Double]) {
    self.bounds = bounds
    counts = Locked(Counts(buckets: Array(repeating: 0, count: bounds.count + 1)))
  }

  /// Counts a value.
  public func observe(_ value: Double) {
    var bucket = 0
    while bucket < bounds.count, value > bounds[bucket] { bucket += 1 }
    counts.withLock { [bucket] counts in
      counts.buckets[bucket] += 1
      counts.sum += value
    }
  }

  /// The series of the metric: the suffix of the name, the labels, the value.
  func series(labels: String) -> [(suffix: String, labels: String, value: Double)] {
    let counts = counts.withLock { $0 }
    let prefix = labels.isEmpty ? "" : "\(labels),"
    var result: [(suffix: String, labels: String, value: Double)] = []
    var total = 0
    for (bound, count) in zip(bounds.map { "\($0)" } + ["+Inf"], counts.buckets) {
      total += count
      result.append(("_bucket", "\(prefix)le=\"\(bound)\"", Double(total)))
    }
    result.append(("_sum", labels, counts.sum))
    result.append(("_count", labels, Double(total)))
    return result
  }
}
