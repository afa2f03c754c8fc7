import Glibc
import TestSupport

@testable import ProcessInspection

/// A process file system in a temporary directory.
final class ProcessTreeFixture {
  private let files: TemporaryDirectory
  var path: String { files.path }
  var tree: ProcessTree { ProcessTree(root: path) }

  init() throws { files = try TemporaryDirectory() }

  /// Adds a process; what is nil has no file.
  func add(
    _ pid: Int32, parent: Int32 = 0, executable: String? = nil, arguments: [String] = [],
    environment: [String]? = [], maps: [String] = [], cgroup: String? = nil, auxiliary: [UInt64]? = nil,
    name: String = "a) b (c)", state: String = "S", started: UInt64 = 4711, size: UInt64 = 0, sockets: [UInt64] = [],
    mounts: String? = nil,
    rootFiles: [String: String] = [:]
  ) throws {
    let directory = "\(path)/\(pid)"
    files.makeDirectory("\(pid)")
    if let executable { symlink(executable, "\(directory)/exe") }
    let others = Array(repeating: "0", count: 17).joined(separator: " ")
    try write("\(pid)/stat", "\(pid) (\(name)) \(state) \(parent) \(others) \(started) \(size)\n")
    if let mounts { try write("\(pid)/mountinfo", mounts) }
    mkdir("\(directory)/fd", 0o755)
    for (number, inode) in sockets.enumerated() { symlink("socket:[\(inode)]", "\(directory)/fd/\(number)") }
    mkdir("\(directory)/net", 0o755)
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
    for (name, text) in rootFiles { try write("\(pid)/root\(name)", text) }
  }

  /// Puts the sockets that wait for connections where the process `pid` runs: TCP ports by inode.
  func listen(_ pid: Int32, _ ports: [UInt64: Int]) throws {
    let lines = ports.map { inode, port in
      let hexadecimal = String(port, radix: 16, uppercase: true)
      return
        "   0: 00000000:\(hexadecimal) 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 \(inode) 1 0 1\n"
    }
    try write("\(pid)/net/tcp", "  sl  local_address rem_address   st\n" + lines.joined())
  }

  /// Removes a process.
  func removeProcess(_ pid: Int32) { files.remove("\(pid)") }

  /// Makes a symbolic link.
  func link(_ name: String, to target: String) throws {
    guard symlink(target, "\(path)/\(name)") == 0 else { throw FixtureError(operation: "symlink \(name)") }
  }

  /// Makes an executable file; answers its path.
  func program(_ name: String, _ bytes: [UInt8]) throws -> String {
    try write("programs/\(name)", bytes: bytes)
    return "\(path)/programs/\(name)"
  }

  func write(_ name: String, _ text: String) throws { try files.write(name, text) }

  func write(_ name: String, bytes: [UInt8]) throws { try files.write(name, bytes: bytes) }
}

struct FixtureError: Error {
  var operation: String
  var code = errno
}
