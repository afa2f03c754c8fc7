import Glibc

/// How a tree comes to the disk: whole, or what is wrong with the one that is there.
extension AgentInstallation {
  /// Writes a tree, or mends the one that is there.
  func write(
    _ tree: AgentTree, _ fingerprint: String, _ staging: StagingDirectory, isLocked: Bool
  ) throws(AgentInstallationError) {
    let complete = "\(versions)/\(fingerprint)"
    if let status = try? FileOperation.status(of: complete) {
      if status.st_mode & S_IFMT == S_IFDIR {
        return try mend(tree, fingerprint, staging, isLocked: isLocked)
      }
      try FileOperation.remove(complete)
    }
    try makeRoom(tree.entries, for: fingerprint, isLocked: isLocked)
    report("copying \(tree.fileCount) files, \(tree.size >> 20) MiB, to \(complete)")
    let copy = try staging.next()
    try tree.copy(to: copy)
    do throws(AgentInstallationError) { try FileOperation.rename(copy, to: complete) } catch {
      // Another process, which had the lock or none, has been faster.
      guard [ENOTEMPTY, EEXIST].contains(error.code) else { throw error }
      if tree.isComplete(at: complete) { return }
      try mend(tree, fingerprint, staging, isLocked: isLocked)
    }
  }

  /// Puts right what differs in a tree that containers may be using: each entry is made elsewhere and then takes its
  /// place, so that all others stay where they are and none is seen half-written. Where there is no room for all of
  /// that, nothing is changed.
  private func mend(
    _ tree: AgentTree, _ fingerprint: String, _ staging: StagingDirectory, isLocked: Bool
  ) throws(AgentInstallationError) {
    let complete = "\(versions)/\(fingerprint)"
    if !AgentTree.isReadable(complete) { try FileOperation.setMode(complete, AgentTree.rootMode) }
    // Nothing below a directory that may not be looked into can be judged.
    for entry in tree.entries where entry.content == .directory && tree.difference(entry, at: complete) == .mode {
      try FileOperation.setMode("\(complete)/\(entry.path)", entry.installedMode ?? AgentTree.rootMode)
    }
    let wrong = tree.entries.filter { tree.difference($0, at: complete) != nil }
    try makeRoom(
      wrong.filter { tree.difference($0, at: complete) == .content }, for: fingerprint, isLocked: isLocked)
    report("mending \(wrong.count) files and directories of \(complete)")
    for entry in wrong { try mend(entry, of: tree, at: complete, staging) }
    for path in tree.extras(at: complete) {
      report("removing \(complete)/\(path), which the image does not have")
      try FileOperation.remove("\(complete)/\(path)")
    }
  }

  private func mend(
    _ entry: AgentTree.Entry, of tree: AgentTree, at complete: String, _ staging: StagingDirectory
  ) throws(AgentInstallationError) {
    let path = "\(complete)/\(entry.path)"
    // The permissions of somebody else's file are not ours to set; a new one is.
    if tree.difference(entry, at: complete) == .mode, let mode = entry.installedMode,
      (try? FileOperation.setMode(path, mode)) != nil
    {
      return
    }
    let made = try staging.next()
    try tree.copy(entry, to: made)
    // A directory takes the place of nothing else, nor something else its.
    let found = try? FileOperation.status(of: path)
    if let found, found.st_mode & S_IFMT == S_IFDIR || entry.content == .directory {
      try FileOperation.rename(path, to: staging.next())
    }
    try FileOperation.rename(made, to: path)
  }

  /// Sees to it that there is room for these entries: old trees go that nothing uses any more.
  private func makeRoom(
    _ entries: [AgentTree.Entry], for fingerprint: String, isLocked: Bool
  ) throws(AgentInstallationError) {
    // Blocks of 4 KiB that are only partly used count in full.
    let needed = entries.reduce(into: UInt64(0)) { sum, entry in
      if case .file(let size) = entry.content { sum += size }
      sum += 4096
    }
    if needed <= (try FileOperation.freeBytes(versions)) { return }
    if isLocked, let processes {
      report("the disk is nearly full; removing old agent files that nothing uses")
      try removeUnusedVersionsLocked(processes, except: fingerprint)
    }
    let free = try FileOperation.freeBytes(versions)
    guard needed <= free else {
      throw AgentInstallationError(
        "the disk of \(destination) is full: the agent files need \(needed >> 20) MiB and \(free >> 20) MiB are free; "
          + "free space on the node and start again")
    }
  }
}
