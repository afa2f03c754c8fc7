/// Times as the API writes them: RFC 3339, UTC, seconds (metav1.Time) or microseconds (metav1.MicroTime).
public struct KubeTime: Sendable, Hashable, Comparable {
  /// Microseconds since 1970, leap seconds not counted.
  public var microseconds: Int

  /// Makes a time from microseconds since 1970.
  public init(microseconds: Int) { self.microseconds = microseconds }

  /// Reads RFC 3339 text with any number of digits of a second and any offset; nil for anything else.
  public init?(_ text: String) {
    let bytes = Array(text.utf8)
    func number(_ range: Range<Int>) -> Int? {
      guard range.upperBound <= bytes.count else { return nil }
      var value = 0
      for byte in bytes[range] {
        guard (0x30...0x39).contains(byte) else { return nil }
        value = value * 10 + Int(byte - 0x30)
      }
      return value
    }
    func isAt(_ position: Int, _ characters: String) -> Bool {
      position < bytes.count && characters.utf8.contains(bytes[position])
    }
    guard let year = number(0..<4), isAt(4, "-"), let month = number(5..<7), isAt(7, "-"), let day = number(8..<10),
      isAt(10, "Tt "), let hour = number(11..<13), isAt(13, ":"), let minute = number(14..<16), isAt(16, ":"),
      let second = number(17..<19), (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60,
      second < 61
    else { return nil }
    var position = 19
    var fraction = 0
    if isAt(position, ".") {
      position += 1
      var digits = 0
      while let digit = number(position..<position + 1) {
        if digits < 6 { fraction = fraction * 10 + digit }
        digits += 1
        position += 1
      }
      guard digits > 0 else { return nil }
      for _ in digits..<max(digits, 6) { fraction *= 10 }
    }
    var offset = 0
    if isAt(position, "Zz") {
      position += 1
    } else if isAt(position, "+-"), let hours = number(position + 1..<position + 3), isAt(position + 3, ":"),
      let minutes = number(position + 4..<position + 6)
    {
      offset = (bytes[position] == 0x2D ? -1 : 1) * (hours * 3600 + minutes * 60)
      position += 6
    } else {
      return nil
    }
    guard position == bytes.count else { return nil }
    let days = Self.days(year: year, month: month, day: day)
    microseconds = (((days * 24 + hour) * 60 + minute) * 60 + second - offset) * 1_000_000 + fraction
  }

  /// "2006-01-02T15:04:05Z" (metav1.Time).
  public var text: String { "\(dateTime)Z" }

  /// "2006-01-02T15:04:05.000000Z" (metav1.MicroTime).
  public var microText: String {
    let fraction = String(microseconds - wholeSeconds * 1_000_000)
    return "\(dateTime).\(String(repeating: "0", count: 6 - fraction.count))\(fraction)Z"
  }

  /// Orders by time.
  public static func < (left: KubeTime, right: KubeTime) -> Bool { left.microseconds < right.microseconds }

  private var wholeSeconds: Int {
    microseconds >= 0 ? microseconds / 1_000_000 : -((-microseconds + 999_999) / 1_000_000)
  }

  private var dateTime: String {
    let second = wholeSeconds
    let days = second >= 0 ? second / 86400 : -((-second + 86399) / 86400)
    let rest = second - days * 86400
    let (year, month, day) = Self.date(days)
    func padded(_ value: Int, _ width: Int = 2) -> String {
      let digits = String(value)
      return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
    let date = "\(padded(year, 4))-\(padded(month))-\(padded(day))"
    return "\(date)T\(padded(rest / 3600)):\(padded(rest / 60 % 60)):\(padded(rest % 60))"
  }

  // Days since 1970 of the proleptic Gregorian calendar, in eras of 400 years that begin on the first of March.
  private static func days(year: Int, month: Int, day: Int) -> Int {
    let shifted = month <= 2 ? year - 1 : year
    let era = (shifted >= 0 ? shifted : shifted - 399) / 400
    let yearOfEra = shifted - era * 400
    let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
    return era * 146097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719468
  }

  private static func date(_ days: Int) -> (year: Int, month: Int, day: Int) {
    let shifted = days + 719468
    let era = (shifted >= 0 ? shifted : shifted - 146096) / 146097
    let dayOfEra = shifted - era * 146097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthFromMarch = (5 * dayOfYear + 2) / 153
    let month = monthFromMarch + (monthFromMarch < 10 ? 3 : -9)
    let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
    return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
  }
}
