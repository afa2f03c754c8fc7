import Glibc
import TestSupport

/// The program as `swift build` makes it.
enum OdigletProgram {
  /// Where it is; nil, with that printed, where it has not been made.
  static func path() -> String? {
    let path = Repository.path(".build/debug/odiglet")
    if access(path, X_OK) == 0 { return path }
    print("skipped: there is no \(path); swift build makes it")
    return nil
  }
}
