import Glibc

/// What memory the process uses and may use.
struct ProcessMemory: Sendable {
  /// The resident set in bytes; nil where the system does not say.
  var resident: @Sendable () -> Int?
  /// Gives freed memory back to the system.
  var release: @Sendable () -> Void

  /// The process's own.
  static let current = ProcessMemory(
    resident: {
      guard let pages = contents(of: "/proc/self/statm")?.split(separator: " ").dropFirst().first else { return nil }
      return Int(pages).map { $0 * sysconf(Int32(_SC_PAGESIZE)) }
    },
    // glibc keeps freed memory for itself, so that the resident set would never shrink again.
    release: { _ = trim?(0) })

  private typealias Trim = @convention(c) (Int) -> Int32

  /// `malloc_trim`, which Swift's module of glibc lacks; nil in other C libraries.
  private static let trim: Trim? = dlsym(nil, "malloc_trim").map { unsafeBitCast($0, to: Trim.self) }

  /// What the process may use at most in bytes: its cgroup's limit, or the machine's memory.
  static func available() -> Int {
    let machine = sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE))
    let limits = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"]
      .compactMap { contents(of: $0)?.split(separator: "\n").first.flatMap { Int($0) } }
    return min(machine, limits.min() ?? machine)
  }

  private static func contents(of path: String) -> String? {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var bytes = [UInt8](repeating: 0, count: 256)
    let count = read(file, &bytes, bytes.count)
    return count > 0 ? String(decoding: bytes[..<count], as: UTF8.self) : nil
  }
}
