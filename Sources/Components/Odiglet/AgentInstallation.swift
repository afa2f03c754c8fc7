import Glibc
import ProcessInspection

/// Installs the agent files of the image in the host's directory, which containers see as /var/odigos.
///
///     /var/odigos/python            -> .current/python        one link for each name of the image
///     /var/odigos/.current          -> .versions/<fingerprint>
///     /var/odigos/.versions/<fingerprint>/python/…            complete before anything points to it
///     /var/odigos/.versions/<fingerprint>.<any>.partial/…     what is being written
///     /var/odigos/.versions/.activations                      which tree was the current one, and since when
///
/// One rename of `.current` switches every agent at once; a tree that is half written is never seen. Links are
/// relative, because containers see the directory under a path of its own. A tree that is there and broken is mended
/// entry by entry: nothing that containers see is away for a moment. Trees of before stay while a process may use them.
struct AgentInstallation {
  var source: String
  var destination: String
  /// Gives files the label that containers may read; nil where the node has none.
  var selinux: SELinuxLabel?
  /// Whose lock is taken; nil for the destination's.
  var lockDirectory: String?
  /// How long another process that installs is waited for.
  var lockBound = InstallationLock.bound
  /// Whether to install also where the lock was not to be had: nothing that is whole is touched by that, but nothing old
  /// makes room either.
  var goesOnWithoutLock = true
  /// The node's processes, whose use of old trees decides whether these may go to make room; nil where nobody can tell.
  var processes: ProcessTree?
  var clock: () -> NodeClock? = { NodeClock.now() }
  /// Takes lines for people.
  var report: (String) -> Void

  static let currentName = ".current"
  static let versionsName = ".versions"

  var versions: String { "\(destination)/\(Self.versionsName)" }
  var current: String { "\(destination)/\(Self.currentName)" }

  /// Whether agent files are installed there.
  static func isPresent(in directory: String) -> Bool {
    var status = stat()
    return stat("\(directory)/\(currentName)/.", &status) == 0
  }

  /// Installs the files; does nothing where they are installed already.
  func install() throws(AgentInstallationError) {
    let tree = try sourceTree()
    try FileOperation.makeDirectory(destination, mode: AgentTree.rootMode)
    let lock = try takeLock()
    defer { lock?.release() }
    try FileOperation.makeDirectory(versions, mode: AgentTree.rootMode)
    if lock != nil { removeStaleParts() }
    let fingerprint = try tree.fingerprint()
    let staging = StagingDirectory(in: versions, for: fingerprint)
    defer { staging.remove() }
    if tree.isComplete(at: "\(versions)/\(fingerprint)") {
      report("the agent files are there already (\(fingerprint))")
    } else {
      try write(tree, fingerprint, staging, isLocked: lock != nil)
    }
    label { selinux throws(AgentInstallationError) in try selinux.apply(to: "\(versions)/\(fingerprint)") }
    try activate(fingerprint, staging)
    try link(tree.topLevel, staging)
    label { selinux throws(AgentInstallationError) in try selinux.apply(toEntriesOf: destination) }
    report("installed \(tree.topLevel.joined(separator: ", ")) in \(destination)")
  }

  /// The lock, or nil where it is not to be had and is gone on without.
  private func takeLock() throws(AgentInstallationError) -> InstallationLock? {
    let directory = lockDirectory ?? destination
    if let lock = try InstallationLock(directory, within: lockBound, report: report) { return lock }
    guard goesOnWithoutLock else {
      throw AgentInstallationError("another process is installing agent files: it has the lock of \(directory)")
    }
    report("something has kept the lock of \(directory); going on without it")
    return nil
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

  /// Gives every name of the tree a link, and takes away links of names that are no more.
  private func link(_ names: [String], _ staging: StagingDirectory) throws(AgentInstallationError) {
    for name in names {
      let path = "\(destination)/\(name)"
      let target = "\(Self.currentName)/\(name)"
      if FileOperation.exists(path) {
        if try FileOperation.status(of: path).st_mode & S_IFMT == S_IFLNK {
          if try FileOperation.target(of: path) == target { continue }
        } else {
          // A directory that was copied there in another way.
          let aside = "\(versions)/\(Self.replacedPrefix)\(name)"
          if FileOperation.exists(aside) { try FileOperation.remove(aside) }
          try FileOperation.rename(path, to: aside)
          report("replacing \(path), which was no link")
        }
      }
      try FileOperation.replaceLink(path, to: target, by: staging.next())
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
}
