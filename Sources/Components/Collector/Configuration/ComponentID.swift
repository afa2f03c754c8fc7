/// How the configuration names a component or pipeline: `type` or `type/name`.
struct ComponentID: Hashable, Sendable, Comparable, CustomStringConvertible {
  let type: String
  /// "" where there is none.
  let name: String

  /// Nil where the text has no type, or a slash without a name.
  init?(_ text: String) {
    let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    guard let type = parts.first, !type.isEmpty, parts.count == 1 || !parts[1].isEmpty else { return nil }
    self.type = String(type)
    name = parts.count == 2 ? String(parts[1]) : ""
  }

  var description: String { name.isEmpty ? type : "\(type)/\(name)" }

  static func < (left: ComponentID, right: ComponentID) -> Bool { left.description < right.description }
}
