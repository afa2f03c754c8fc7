import Glibc

extension ProcessTree {
  /// Which of these parts of paths, such as "/.versions/1a2b/", occur in a file that a process has mapped or in a mount
  /// that it sees.
  ///
  /// What a process has mapped is hidden from who may not trace it (no capability SYS_PTRACE, another AppArmor profile);
  /// what it sees mounted and when it started are not, and `startTimes` tells by them what it may use. A process of a
  /// container that hides its mounts, too (the mount option `hidepid` of /proc), counts as one that uses all of them.
  public func pathsInUse(_ parts: Set<String>) -> Set<String> {
    var used: Set<String> = []
    for pid in pids {
      for name in ["mountinfo", "maps"] where used.count < parts.count {
        let path = "\(root)/\(pid)/\(name)"
        guard let file = BoundedFile(path) else {
          if name == "mountinfo", isHidden(errno), mayHaveAgents(pid) { return parts }
          continue
        }
        let text = file.read(limit: 16 << 20)
        for part in parts where !used.contains(part) && text.contains(part) { used.insert(part) }
      }
    }
    return used
  }

  /// When the processes of containers started that see a directory of the host as a mount at the same path, in seconds
  /// since 1970; nil where one of them may not be looked into, or the clock of the kernel is not known. On the node
  /// itself the directory may be a mount, too.
  ///
  /// - Parameters:
  ///   - directory: the mount point. Volumes that are empty at first (`empty-dir`) are not the host's.
  ///   - ignored: whether a process of that name is left out.
  public func startTimes(mounting directory: String, ignoring ignored: (String) -> Bool) -> [Int]? {
    guard let boot = bootTime else { return nil }
    var times: [Int] = []
    for pid in pids {
      guard let file = BoundedFile("\(root)/\(pid)/mountinfo") else {
        if isHidden(errno), mayHaveAgents(pid) { return nil }
        continue
      }
      let text = file.read(limit: 16 << 20)
      let isMounted = text.split(separator: UInt8(ascii: "\n")).contains { line in
        let fields = line.split(separator: UInt8(ascii: " "), maxSplits: 5)
        return fields.count > 4 && fields[4].elementsEqual(directory.utf8) && !Array(fields[3]).contains("/empty-dir")
          && !Array(fields[3]).contains("~empty-dir")
      }
      guard isMounted, container(of: pid) != nil || MountedContainer(mounts: text) != nil,
        let (name, ticks) = start(of: pid), !ignored(name)
      else { continue }
      times.append(boot + ticks / max(1, sysconf(Int32(_SC_CLK_TCK))))
    }
    return times
  }

  private func isHidden(_ code: Int32) -> Bool { code == EACCES || code == EPERM }

  /// Whether a process that hides what it sees can have agent files: only containers see them. Those of the node, such as
  /// its init, have none. Everybody may read a cgroup.
  private func mayHaveAgents(_ pid: Int32) -> Bool {
    guard let cgroups = BoundedFile.content("\(root)/\(pid)/cgroup", limit: 1 << 16) else {
      return access("\(root)/\(pid)", F_OK) == 0
    }
    return ContainerReference(cgroups: cgroups) != nil
  }

  /// The name of a process, and when it started, in ticks since the start of the kernel.
  private func start(of pid: Int32) -> (name: String, ticks: Int)? {
    guard let text = BoundedFile.content("\(root)/\(pid)/stat", limit: 4096),
      let begin = text.firstIndex(of: UInt8(ascii: "(")), let end = text.lastIndex(of: UInt8(ascii: ")")), begin < end
    else { return nil }
    let fields = String(decoding: text[(end + 1)...], as: UTF8.self).split { $0 == " " || $0 == "\n" }
    guard fields.count > 19, let ticks = Int(fields[19]) else { return nil }
    return (String(decoding: text[(begin + 1)..<end], as: UTF8.self), ticks)
  }

  /// When the kernel started, in seconds since 1970.
  private var bootTime: Int? {
    let text = BoundedFile.content("\(root)/stat", limit: 1 << 20) ?? []
    let line = text.split(separator: UInt8(ascii: "\n")).first { $0.starts(with: "btime ".utf8) }
    return line.flatMap { Int(String(decoding: $0.dropFirst(6), as: UTF8.self)) }
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
