import Glibc
import Policy
import ProcessInspection

/// Which trees are there, which of them is the current one, and which may go.
extension AgentInstallation {
  /// What directories are called that were no links, beside the trees.
  static let replacedPrefix = "replaced-"

  /// Makes a complete tree the current one. The list says so before and after: in between it may be either of them, also
  /// where this process ends there.
  func activate(_ fingerprint: String, _ staging: StagingDirectory) throws(AgentInstallationError) {
    let before = currentTree
    if before != fingerprint {
      if let before { try note([before, fingerprint], staging) }
      try FileOperation.replaceLink(current, to: "\(Self.versionsName)/\(fingerprint)", by: staging.next())
    }
    do throws(AgentInstallationError) { try note([fingerprint], staging) } catch {
      // What is not known about a tree only keeps more.
      report("it is not noted since when these agent files are in use: \(error)")
    }
  }

  private var activationsFile: String { "\(versions)/\(AgentActivations.fileName)" }

  /// The list of activations; nil where there is none, as after an earlier release, or none that can be read.
  func activations() -> AgentActivations? {
    var text: [UInt8] = []
    guard (try? FileOperation.read(activationsFile, { text += $0 })) != nil else { return nil }
    return AgentActivations(String(decoding: text, as: UTF8.self))
  }

  /// Notes that containers see one of these trees from now on.
  private func note(_ names: [String], _ staging: StagingDirectory) throws(AgentInstallationError) {
    guard let clock = clock() else {
      // Without times nothing can be said of any process.
      if FileOperation.exists(activationsFile) { try FileOperation.remove(activationsFile) }
      return
    }
    let known = activations()
    var list = known ?? AgentActivations()
    if let currentTree { list.correct(current: currentTree) }
    if list.periods.last?.names != names { list.note(names, at: clock) }
    guard list != known else { return }
    let present = Set(try FileOperation.names(in: versions))
    list.forget { !present.contains($0) }
    try FileOperation.replaceFile(activationsFile, list.text, by: staging.next())
  }

  /// The name of the tree that is the current one.
  private var currentTree: String? {
    guard let target = try? FileOperation.target(of: current), target.hasPrefix("\(Self.versionsName)/") else {
      return nil
    }
    return String(target.dropFirst(Self.versionsName.count + 1))
  }

  /// The names of the trees that are not the current one, and of directories that were replaced.
  func oldVersions() throws(AgentInstallationError) -> [String] {
    guard FileOperation.exists(versions) else { return [] }
    let name = currentTree
    return try FileOperation.names(in: versions).filter {
      $0 != name && !$0.hasPrefix(".") && !$0.hasSuffix(StagingDirectory.suffix)
    }
  }

  /// Removes the trees of other versions that no process of the node uses: none has a file of it mapped, and none that
  /// still runs came while it was the current one, for it may read further files of its agent at any time. Throws where
  /// another process is at work.
  func removeUnusedVersions(tree: ProcessTree) throws(AgentInstallationError) {
    guard FileOperation.exists(versions) else { return }
    let directory = lockDirectory ?? destination
    guard let lock = try InstallationLock(directory, within: .zero, report: report) else {
      throw AgentInstallationError("another process has the lock of \(directory)")
    }
    defer { lock.release() }
    removeStaleParts()
    try removeUnusedVersionsLocked(tree)
  }

  /// The same, under a lock that is held.
  func removeUnusedVersionsLocked(
    _ tree: ProcessTree, except spared: String? = nil
  ) throws(AgentInstallationError) {
    let names = try oldVersions().filter { $0 != spared }
    guard !names.isEmpty else { return }
    func part(_ name: String) -> String { "/\(Self.versionsName)/\(name)/" }
    let mapped = tree.pathsInUse(Set(names.map(part)))
    let starts = tree.startTimes(mounting: OdigosPath.agents) { $0.hasPrefix("odiglet") }
    let read: Set<String>? = starts.flatMap { starts in
      starts.isEmpty ? [] : activations()?.names(usedSince: starts, clock: clock())
    }
    let kept = try removeOldVersions(names) { mapped.contains(part($0)) || read?.contains($0) ?? true }
    if !kept.isEmpty { report("keeping the agent files \(kept.joined(separator: ", ")), which may be in use") }
  }

  /// Removes trees, but those that are in use; answers the names of the latter.
  private func removeOldVersions(
    _ names: [String], isInUse: (String) -> Bool
  ) throws(AgentInstallationError) -> [String] {
    var kept: [String] = []
    for name in names {
      if isInUse(name) {
        kept.append(name)
        continue
      }
      // Out of the way at once: nobody takes what is left of it for a tree.
      let path = "\(versions)/\(name)"
      var doomed = "\(path).old\(StagingDirectory.suffix)"
      if FileOperation.exists(doomed) { try FileOperation.remove(doomed) }
      do throws(AgentInstallationError) { try FileOperation.rename(path, to: doomed) } catch { doomed = path }
      // Somebody without the lock has made it the current one meanwhile.
      guard currentTree != name else {
        if doomed != path { try FileOperation.rename(doomed, to: path) }
        continue
      }
      report("removing the agent files \(name), which nothing uses any more")
      try FileOperation.remove(doomed)
    }
    return kept
  }

  /// Removes what killed processes have left half-written; under the lock.
  func removeStaleParts() {
    for name in (try? FileOperation.names(in: versions)) ?? [] where name.hasSuffix(StagingDirectory.suffix) {
      do throws(AgentInstallationError) { try FileOperation.remove("\(versions)/\(name)") } catch {
        report("\(versions)/\(name) stays, which nothing needs: \(error)")
      }
    }
  }
}
