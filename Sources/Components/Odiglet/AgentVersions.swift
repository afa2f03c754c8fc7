import Glibc

extension AgentInstallation {
  /// A process's start is known to within a second or two: the kernel counts from its own, which is known in seconds.
  private static let uncertainty = 2

  /// Makes a complete tree the current one, and notes when: its time is that of its activation.
  func activate(_ fingerprint: String) throws(AgentInstallationError) {
    let link = "\(destination)/\(Self.currentName)"
    let target = "\(Self.versionsName)/\(fingerprint)"
    if FileOperation.exists(link), try FileOperation.target(of: link) == target { return }
    let path = "\(versions)/\(fingerprint)"
    guard utimensat(AT_FDCWD, path, nil, 0) == 0 else { throw .system("set the time of", path) }
    try FileOperation.replaceLink(link, to: target)
  }

  /// The trees that were current when processes started.
  ///
  /// - Parameter starts: when they did, in seconds since 1970.
  func versions(usedSince starts: [Int]) throws(AgentInstallationError) -> Set<String> {
    var activations: [(time: Int, name: String)] = []
    for name in try FileOperation.names(in: versions) {
      activations.append((try FileOperation.status(of: "\(versions)/\(name)").st_mtim.tv_sec, name))
    }
    activations.sort { $0 < $1 }
    var used: Set<String> = []
    for start in Set(starts) {
      let before = activations.last { $0.time <= start - Self.uncertainty }
      // One that is older than every tree may have come with any of those that were current before.
      guard let before else { return Set(activations.map(\.name)) }
      used.insert(before.name)
      for activation in activations where abs(activation.time - start) <= Self.uncertainty {
        used.insert(activation.name)
      }
    }
    return used
  }
}
