import Glibc
import ProcessInspection
import TestSupport
import Testing

/// A process file system with the little that tells one process from another.
final class DetectionFixture {
  private let directory: TemporaryDirectory
  let tree: ProcessTree

  init() throws {
    directory = try TemporaryDirectory()
    tree = ProcessTree(root: directory.path)
  }

  /// Makes a process, or makes one of another kind; `size` is how much it has mapped.
  func put(_ pid: Int32, executable: String, size: Int, maps: [String] = []) throws {
    directory.makeDirectory("\(pid)")
    let link = "\(directory.path)/\(pid)/exe"
    unlink(link)
    try #require(symlink(executable, link) == 0)
    let others = Array(repeating: "0", count: 17).joined(separator: " ")
    try directory.write("\(pid)/stat", "\(pid) (x) S 1 \(others) 4711 \(size) 0\n")
    try directory.write("\(pid)/maps", maps.map { "7f00-7f10 r-xp 00000000 08:01 42    \($0)\n" }.joined())
  }
}
