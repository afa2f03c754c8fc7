import Glibc

/// A directory for what is not whole yet, of a name that no other process has. What is made in it takes its place by a
/// rename; a directory that a killed process has left is known by the end of its name.
final class StagingDirectory {
  static let suffix = ".partial"
  private let path: String
  private var count = 0

  /// Names the directory, beside the versions and for one of them; it is made when something is.
  init(in versions: String, for name: String) {
    path = "\(versions)/\(name).\(String(UInt64.random(in: .min ... .max), radix: 16))\(Self.suffix)"
  }

  /// A path in it that has not been given before.
  func next() throws(AgentInstallationError) -> String {
    if count == 0 { try FileOperation.makeDirectory(path, mode: AgentTree.rootMode) }
    count += 1
    return "\(path)/\(count)"
  }

  /// Removes it and what has not taken its place, which would keep a full disk full.
  func remove() {
    if count > 0 { try? FileOperation.remove(path) }
  }
}
