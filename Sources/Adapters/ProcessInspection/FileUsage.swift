import Glibc

extension ProcessTree {
  /// Which of these parts of paths, such as "/.versions/1a2b/", occur in a file that a process has mapped or in a mount
  /// that it sees. A process that may not be looked into counts as one that uses all of them.
  public func pathsInUse(_ parts: Set<String>) -> Set<String> {
    var used: Set<String> = []
    for pid in pids {
      for name in ["maps", "mountinfo"] where used.count < parts.count {
        let path = "\(root)/\(pid)/\(name)"
        guard let file = BoundedFile(path) else {
          if errno == EACCES || errno == EPERM { return parts }
          continue
        }
        let text = file.read(limit: 16 << 20)
        for part in parts where !used.contains(part) && text.contains(part) { used.insert(part) }
      }
    }
    return used
  }
}

extension [UInt8] {
  fileprivate func contains(_ part: String) -> Bool {
    let wanted = Array(part.utf8)
    guard let first = wanted.first else { return true }
    return withUnsafeBytes { bytes in
      guard let base = bytes.baseAddress else { return false }
      var start = 0
      while bytes.count - start >= wanted.count,
        let found = memchr(base + start, Int32(first), bytes.count - start - wanted.count + 1)
      {
        if memcmp(found, wanted, wanted.count) == 0 { return true }
        start = found - UnsafeMutableRawPointer(mutating: base) + 1
      }
      return false
    }
  }
}
