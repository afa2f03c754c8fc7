import Glibc

@testable import ProcessInspection

/// A process file system in a temporary directory.
final class ProcessTreeFixture {
  let path: String
  var tree: ProcessTree { ProcessTree(root: path) }

  init() throws {
    var template = Array("/tmp/odiglet-proc-XXXXXX".utf8CString)
    guard let made = mkdtemp(&template) else { throw FixtureError(operation: "mkdtemp") }
    path = String(cString: made)
  }

  deinit { Self.remove(path) }

  /// Adds a process; what is nil has no file.
  func add(
    _ pid: Int32, parent: Int32 = 0, executable: String? = nil, arguments: [String] = [],
    environment: [String]? = [], maps: [String] = [], cgroup: String? = nil, auxiliary: [UInt64]? = nil,
    state: String = "S", rootFiles: [String: String] = [:]
  ) throws {
    let directory = "\(path)/\(pid)"
    mkdir(directory, 0o755)
    if let executable { symlink(executable, "\(directory)/exe") }
    let others = Array(repeating: "0", count: 17).joined(separator: " ")
    try write("\(pid)/stat", "\(pid) (a) b (c)) \(state) \(parent) \(others) 4711 0\n")
    try write("\(pid)/cmdline", arguments.map { $0 + "\0" }.joined())
    if let environment { try write("\(pid)/environ", environment.map { $0 + "\0" }.joined()) }
    try write("\(pid)/maps", maps.map { "7f0000000000-7f0000001000 r-xp 00000000 08:01 42    \($0)\n" }.joined())
    if let cgroup { try write("\(pid)/cgroup", cgroup) }
    if let auxiliary {
      try write(
        "\(pid)/auxv",
        bytes: auxiliary.flatMap { value in (0..<8).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) } })
    }
    mkdir("\(directory)/root", 0o755)
    for (name, text) in rootFiles {
      var parent = "\(directory)/root"
      for part in name.split(separator: "/").dropLast() {
        parent += "/\(part)"
        mkdir(parent, 0o755)
      }
      try write("\(pid)/root\(name)", text)
    }
  }

  func write(_ name: String, _ text: String) throws { try write(name, bytes: Array(text.utf8)) }

  func write(_ name: String, bytes: [UInt8]) throws {
    let file = open("\(path)/\(name)", O_WRONLY | O_CREAT | O_TRUNC, 0o644)
    guard file >= 0 else { throw FixtureError(operation: "open \(name)") }
    defer { close(file) }
    guard bytes.isEmpty || Glibc.write(file, bytes, bytes.count) == bytes.count else {
      throw FixtureError(operation: "write \(name)")
    }
  }

  private static func remove(_ path: String) {
    for name in DirectoryListing.names(path, limit: 10_000) {
      let child = "\(path)/\(name)"
      if unlink(child) != 0 { remove(child) }
    }
    rmdir(path)
  }
}

struct FixtureError: Error {
  var operation: String
  var code = errno
}
