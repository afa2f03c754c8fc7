import Concurrency
import Synchronization

/// A number that only grows.
final class Counter: Sendable {
  private let total = Atomic<Int>(0)
  var value: Int { total.load(ordering: .relaxed) }
  func add(_ count: Int) { _ = total.wrappingAdd(count, ordering: .relaxed) }
}

/// The collector's own metrics, shown as Prometheus text.
final class CollectorMetrics: Sendable {
  private enum Kind: String { case counter, gauge }

  private struct Family {
    var kind: Kind
    var help: String
    var series: [(labels: [(name: String, value: String)], read: @Sendable () -> Int)] = []
  }

  private struct State {
    var families: [String: Family] = [:]
    var counters: [String: Counter] = [:]
  }

  private let state = Locked(State())

  /// The counter of that name and those labels; the same one for the same labels, also after a reload.
  func counter(_ name: String, help: String, _ labels: [(name: String, value: String)] = []) -> Counter {
    state.withLock { state in
      let key = name + Self.text(labels)
      if let counter = state.counters[key] { return counter }
      let counter = Counter()
      state.counters[key] = counter
      state.families[name, default: Family(kind: .counter, help: help)].series.append((labels, { counter.value }))
      return counter
    }
  }

  /// Shows a value that is read when metrics are asked for; it replaces one of the same name and labels.
  func gauge(
    _ name: String, help: String, _ labels: [(name: String, value: String)] = [], _ read: @escaping @Sendable () -> Int
  ) {
    state.withLock { state in
      var family = state.families[name] ?? Family(kind: .gauge, help: help)
      family.series.removeAll { Self.text($0.labels) == Self.text(labels) }
      family.series.append((labels, read))
      state.families[name] = family
    }
  }

  /// Removes the gauges of that name.
  func removeGauges(named name: String) { state.withLock { $0.families[name] = nil } }

  /// The name of a label for an attribute: what Prometheus does not allow becomes an underscore.
  static func labelName(_ attribute: String) -> String {
    String(attribute.map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "_" })
  }

  /// The Prometheus text format, version 0.0.4, families and series in a fixed order.
  func prometheusText() -> String {
    let families = state.withLock { $0.families }
    var text = ""
    for (name, family) in families.sorted(by: { $0.key < $1.key }) where !family.series.isEmpty {
      text += "# HELP \(name) \(family.help)\n# TYPE \(name) \(family.kind.rawValue)\n"
      let lines = family.series.map { "\(name)\(Self.text($0.labels)) \($0.read())\n" }
      text += lines.sorted().joined()
    }
    return text
  }

  private static func text(_ labels: [(name: String, value: String)]) -> String {
    guard !labels.isEmpty else { return "" }
    let pairs = labels.map { label in
      var value = ""
      for character in label.value {
        switch character {
        case "\\": value += "\\\\"
        case "\"": value += "\\\""
        case "\n": value += "\\n"
        default: value.append(character)
        }
      }
      return "\(label.name)=\"\(value)\""
    }
    return "{\(pairs.joined(separator: ","))}"
  }
}
