/// Go's notation of durations, such as "200ms" or "1m30s".
enum GoDuration {
  static func isValid(_ text: String) -> Bool {
    if text == "0" { return true }
    var rest = text[...]
    guard !rest.isEmpty else { return false }
    while !rest.isEmpty {
      let number = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
      guard number.contains(where: \.isNumber), number.filter({ $0 == "." }).count <= 1, number.count < 10 else {
        return false
      }
      rest = rest.dropFirst(number.count)
      let units = ["ns", "us", "ms", "s", "m", "h"].filter { rest.hasPrefix($0) }
      guard let unit = units.max(by: { $0.count < $1.count }) else { return false }
      rest = rest.dropFirst(unit.count)
    }
    return true
  }
}
