import Glibc
import ProcessInspection

/// A process file system with the little that tells one process from another.
final class DetectionFixture {
  struct Failure: Error {
    var operation: String
    var code = errno
  }

  private let path: String
  let tree: ProcessTree

  init() throws {
    var template = Array("/tmp/odiglet-detection-XXXXXX".utf8CString)
    guard let made = mkdtemp(&template) else { throw Failure(operation: "mkdtemp") }
    path = String(cString: made)
    tree = ProcessTree(root: path)
  }

  deinit {
    for pid in tree.pids {
      for name in ["exe", "stat", "maps"] { unlink("\(path)/\(pid)/\(name)") }
      rmdir("\(path)/\(pid)")
    }
    rmdir(path)
  }

  /// Makes a process, or makes one of another kind; `size` is how much it has mapped.
  func put(_ pid: Int32, executable: String, size: Int, maps: [String] = []) throws {
    let directory = "\(path)/\(pid)"
    mkdir(directory, 0o755)
    unlink("\(directory)/exe")
    guard symlink(executable, "\(directory)/exe") == 0 else { throw Failure(operation: "symlink") }
    let others = Array(repeating: "0", count: 17).joined(separator: " ")
    try write("\(directory)/stat", "\(pid) (x) S 1 \(others) 4711 \(size) 0\n")
    try write("\(directory)/maps", maps.map { "7f00-7f10 r-xp 00000000 08:01 42    \($0)\n" }.joined())
  }

  private func write(_ name: String, _ text: String) throws {
    let file = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
    guard file >= 0 else { throw Failure(operation: "open") }
    defer { close(file) }
    let bytes = Array(text.utf8)
    guard bytes.isEmpty || Glibc.write(file, bytes, bytes.count) == bytes.count else {
      throw Failure(operation: "write")
    }
  }
}
