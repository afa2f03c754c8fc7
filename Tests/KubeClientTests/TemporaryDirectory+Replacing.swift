import Glibc
import TestSupport
import Testing

extension TemporaryDirectory {
  /// Writes a file that may be executed, in the place of another at once, as kubelets do.
  func replace(_ name: String, _ text: String) throws {
    try write(".new", text)
    try #require(chmod("\(path)/.new", 0o755) == 0)
    try #require(rename("\(path)/.new", "\(path)/\(name)") == 0)
  }
}
