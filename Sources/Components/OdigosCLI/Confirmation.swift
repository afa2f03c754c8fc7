import Foundation

/// Asks before something is changed that matters.
enum Confirmation {
  /// Whether it is meant.
  ///
  /// - Parameter isGiven: whether the command line says so already (`--yes`).
  /// - Throws: when there is nobody to answer, as in scripts.
  static func ask(_ question: String, isGiven: Bool) throws(CommandFailure) -> Bool {
    if isGiven { return true }
    print("\(question) [y/N] ", terminator: "")
    fflush(nil)
    guard let answer = readLine() else {
      print()
      fflush(nil)
      throw CommandFailure("nobody answers; nothing was changed", next: "give --yes")
    }
    if ["y", "yes"].contains(answer.lowercased()) { return true }
    print("nothing was changed")
    return false
  }
}
