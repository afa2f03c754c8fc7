import Glibc

/// Installs the agent files of the image in the host's directory, which containers see as /var/odigos.
///
///     /var/odigos/python            -> .current/python        one link for each name of the image
///     /var/odigos/.current          -> .versions/<fingerprint>
///     /var/odigos/.versions/<fingerprint>/python/…            complete before anything points to it
///
/// One rename of `.current` switches every agent at once; a tree that is half written is never seen. Links are
/// relative, because containers see the directory under a path of its own. Trees of before stay while a process has
/// files of them mapped, or mounts them.
struct AgentInstallation {
  var source: String
  var destination: String
  /// Gives files the label that containers may read; nil where the node has none.
  var selinux: SELinuxLabel?
  /// Whether to wait for another process that installs; else that is an error.
  var waitsForOthers = true
  /// Takes lines for people.
  var report: (String) -> Void

  static let currentName = ".current"
  static let versionsName = ".versions"
  private static let partialSuffix = ".partial"

  var versions: String { "\(destination)/\(Self.versionsName)" }

  /// Whether agent files are installed there.
  static func isPresent(in directory: String) -> Bool {
    var status = stat()
    return stat("\(directory)/\(currentName)/.", &status) == 0
  }

  /// Installs the files; does nothing where they are installed already.
  func install() throws(AgentInstallationError) {
    let tree = try sourceTree()
    try FileOperation.makeDirectory(destination, mode: 0o755)
    let lock = try DirectoryLock(destination, waits: waitsForOthers)
    defer { lock.release() }
    try FileOperation.makeDirectory(versions, mode: 0o755)
    let fingerprint = try tree.fingerprint()
    if tree.isComplete(at: "\(versions)/\(fingerprint)") {
      report("the agent files are there already (\(fingerprint))")
    } else {
      try copy(tree, fingerprint)
    }
    label { selinux throws(AgentInstallationError) in try selinux.apply(to: "\(versions)/\(fingerprint)") }
    try activate(fingerprint)
    try link(tree.topLevel)
    label { selinux throws(AgentInstallationError) in try selinux.apply(toEntriesOf: destination) }
    report("installed \(tree.topLevel.joined(separator: ", ")) in \(destination)")
  }

  /// Files without a label are better than none: the node's policy may let containers read them all the same.
  private func label(_ body: (SELinuxLabel) throws(AgentInstallationError) -> Void) {
    guard let selinux else { return }
    do throws(AgentInstallationError) { try body(selinux) } catch {
      report("containers may be refused the agent files: \(error)")
    }
  }

  private func sourceTree() throws(AgentInstallationError) -> AgentTree {
    guard FileOperation.exists(source) else {
      throw AgentInstallationError(
        "there are no agent files at \(source); \(OdigletEnvironment.agentsDirectory) names where the image has them")
    }
    let tree = try AgentTree(root: source)
    guard tree.fileCount > 0 else {
      throw AgentInstallationError("\(source) is empty; use an image that has the agent files")
    }
    return tree
  }

  private func copy(_ tree: AgentTree, _ fingerprint: String) throws(AgentInstallationError) {
    let partial = "\(versions)/\(fingerprint)\(Self.partialSuffix)"
    let complete = "\(versions)/\(fingerprint)"
    for broken in [partial, complete] where FileOperation.exists(broken) { try FileOperation.remove(broken) }
    let free = try FileOperation.freeBytes(versions)
    // Blocks of 4 KiB that are only partly used count in full.
    let needed = tree.size + UInt64(tree.entries.count) * 4096
    guard needed <= free else {
      throw AgentInstallationError(
        "the disk of \(destination) is full: the agent files need \(needed >> 20) MiB and \(free >> 20) MiB are free; "
          + "free space on the node and start again")
    }
    report("copying \(tree.fileCount) files, \(tree.size >> 20) MiB, to \(complete)")
    do throws(AgentInstallationError) {
      try tree.copy(to: partial)
      try FileOperation.rename(partial, to: complete)
    } catch {
      // What was written would keep a full disk full.
      try? FileOperation.remove(partial)
      throw error
    }
  }

  /// Gives every name of the tree a link, and takes away links of names that are no more.
  private func link(_ names: [String]) throws(AgentInstallationError) {
    for name in names {
      let path = "\(destination)/\(name)"
      let target = "\(Self.currentName)/\(name)"
      if FileOperation.exists(path) {
        if try FileOperation.status(of: path).st_mode & S_IFMT == S_IFLNK {
          if try FileOperation.target(of: path) == target { continue }
        } else {
          // A directory that was copied there in another way.
          let aside = "\(versions)/replaced-\(name)"
          if FileOperation.exists(aside) { try FileOperation.remove(aside) }
          try FileOperation.rename(path, to: aside)
          report("replacing \(path), which was no link")
        }
      }
      try FileOperation.replaceLink(path, to: target)
    }
    for name in try FileOperation.names(in: destination) where !names.contains(name) && name != Self.currentName {
      let path = "\(destination)/\(name)"
      guard try FileOperation.status(of: path).st_mode & S_IFMT == S_IFLNK else { continue }
      if try FileOperation.target(of: path).hasPrefix("\(Self.currentName)/") {
        report("removing \(path), which the image does not have any more")
        try FileOperation.remove(path)
      }
    }
  }

  /// The names of the trees that are not the current one.
  func oldVersions() throws(AgentInstallationError) -> [String] {
    guard FileOperation.exists(versions) else { return [] }
    let current = try FileOperation.target(of: "\(destination)/\(Self.currentName)")
    return try FileOperation.names(in: versions).filter { "\(Self.versionsName)/\($0)" != current }
  }

  /// Removes trees that are not the current one, but those that are in use; answers the names of the latter.
  func removeOldVersions(isInUse: (String) -> Bool) throws(AgentInstallationError) -> [String] {
    let lock = try DirectoryLock(destination, waits: waitsForOthers)
    defer { lock.release() }
    var kept: [String] = []
    for name in try oldVersions() {
      if isInUse(name) {
        kept.append(name)
      } else {
        report("removing the agent files \(name), which nothing uses any more")
        try FileOperation.remove("\(versions)/\(name)")
      }
    }
    return kept
  }
}

/// Keeps two processes from installing at once; the kernel gives it up with the process.
struct DirectoryLock {
  private let descriptor: Int32

  init(_ directory: String, waits: Bool = true) throws(AgentInstallationError) {
    descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .system("open", directory) }
    guard flock(descriptor, LOCK_EX | (waits ? 0 : LOCK_NB)) == 0 else {
      let isTaken = errno == EWOULDBLOCK
      let failure = AgentInstallationError.system("lock", directory)
      close(descriptor)
      throw isTaken ? AgentInstallationError("another process is installing agent files in \(directory)") : failure
    }
  }

  func release() { close(descriptor) }
}
