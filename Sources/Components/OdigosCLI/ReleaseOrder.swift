/// Orders versions such as 1.2.3, v1.2.3 and 1.2.3-rc1 by their numbers; one with a suffix comes before the one without.
struct ReleaseOrder: Comparable {
  private var numbers: [Int]
  private var suffix: String

  /// Nil for a text that is no version.
  init?(_ text: String) {
    let withoutBuild = text.split(separator: "+", maxSplits: 1).first ?? ""
    let parts = withoutBuild.drop { $0 == "v" }.split(separator: "-", maxSplits: 1).map(String.init)
    let numbers = (parts.first ?? "").split(separator: ".", omittingEmptySubsequences: false).map { Int($0) }
    guard numbers.count == 3, numbers.allSatisfy({ $0 != nil }) else { return nil }
    self.numbers = numbers.compactMap(\.self)
    suffix = parts.count == 2 ? parts[1] : ""
  }

  static func < (left: ReleaseOrder, right: ReleaseOrder) -> Bool {
    if left.numbers != right.numbers { return left.numbers.lexicographicallyPrecedes(right.numbers) }
    return !left.suffix.isEmpty && (right.suffix.isEmpty || left.suffix < right.suffix)
  }
}
