/// The version of a language runtime: numbers with dots. What follows them (`+12`, `-rc1`, `rc1`) says nothing
/// about what an agent supports.
public struct RuntimeVersion: Sendable, Hashable, Comparable, CustomStringConvertible {
  /// The numbers, without zeros at the end.
  private var numbers: [Int]
  /// The text that it came from.
  public var description: String

  /// Reads a version, with or without a `v` or `go` before it; nil where there is no number.
  public init?(_ text: String) {
    var rest = text[...]
    for prefix in ["go", "v"] where rest.hasPrefix(prefix) { rest = rest.dropFirst(prefix.count) }
    var numbers: [Int] = []
    while let number = Int(rest.prefix { $0.isASCII && $0.isNumber }) {
      numbers.append(number)
      rest = rest.drop { $0.isASCII && $0.isNumber }
      guard rest.first == "." else { break }
      rest = rest.dropFirst()
    }
    guard !numbers.isEmpty else { return nil }
    while numbers.count > 1, numbers.last == 0 { numbers.removeLast() }
    self.numbers = numbers
    description = text
  }

  /// Compares number by number; a missing one counts as 0.
  public static func < (left: RuntimeVersion, right: RuntimeVersion) -> Bool {
    left.numbers.lexicographicallyPrecedes(right.numbers)
  }
  /// Equal when the numbers are.
  public static func == (left: RuntimeVersion, right: RuntimeVersion) -> Bool { left.numbers == right.numbers }
  /// Hashes the numbers.
  public func hash(into hasher: inout Hasher) { hasher.combine(numbers) }
}

/// A range of versions: comparisons that must all hold, such as `>=3.1 <3.5`.
public struct VersionRange: Sendable, Hashable, CustomStringConvertible {
  private enum Comparison: String, CaseIterable {
    // Longer operators first, so that reading takes the longest that fits.
    case atLeast = ">="
    case atMost = "<="
    case above = ">"
    case below = "<"
    case equal = "="
  }
  private struct Bound: Sendable, Hashable {
    var comparison: Comparison
    var version: RuntimeVersion
  }
  private var bounds: [Bound]
  /// The text that it came from.
  public var description: String

  /// The range that holds every version.
  static let every = VersionRange()
  private init() { (bounds, description) = ([], "") }

  /// Reads a range; nil unless every part is a comparison with a version. An empty text holds every version.
  public init?(_ text: String) {
    var bounds: [Bound] = []
    for part in text.split(whereSeparator: { $0 == " " || $0 == "," }) {
      guard let comparison = Comparison.allCases.first(where: { part.hasPrefix($0.rawValue) }),
        let version = RuntimeVersion(String(part.dropFirst(comparison.rawValue.count)))
      else { return nil }
      bounds.append(Bound(comparison: comparison, version: version))
    }
    self.bounds = bounds
    description = text
  }

  /// Whether the version is in the range.
  public func contains(_ version: RuntimeVersion) -> Bool {
    bounds.allSatisfy { bound in
      switch bound.comparison {
      case .atLeast: version >= bound.version
      case .atMost: version <= bound.version
      case .above: version > bound.version
      case .below: version < bound.version
      case .equal: version == bound.version
      }
    }
  }
}
