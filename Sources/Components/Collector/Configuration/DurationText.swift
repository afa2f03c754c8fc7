/// Durations as Go writes them: `1h15m30.5s`, `200ms`, `0`.
enum DurationText {
  private static let units: [(name: String, nanoseconds: Double)] = [
    ("ns", 1), ("us", 1e3), ("µs", 1e3), ("μs", 1e3), ("ms", 1e6), ("s", 1e9), ("m", 60e9), ("h", 3600e9),
  ]

  /// The duration; nil where the text is none or is negative.
  static func parse(_ text: String) -> Duration? {
    if text == "0" { return .zero }
    var rest = Substring(text)
    var total = 0.0
    guard !rest.isEmpty else { return nil }
    while !rest.isEmpty {
      let digits = rest.prefix { ("0"..."9").contains($0) || $0 == "." }
      guard let number = Double(digits) else { return nil }
      rest = rest.dropFirst(digits.count)
      let word = rest.prefix { !("0"..."9").contains($0) && $0 != "." }
      guard let unit = units.first(where: { $0.name == word }) else { return nil }
      rest = rest.dropFirst(word.count)
      total += number * unit.nanoseconds
    }
    // Go's own limit: an Int64 of nanoseconds.
    guard total < 9.2e18 else { return nil }
    return .nanoseconds(Int64(total))
  }
}
