import Glibc

/// Whether the agent files of the node are what the image has: the truth that devices, probes and the node's label
/// follow. Types, sizes, links and permissions are compared, not contents, so that it can be asked every two minutes.
struct AgentFilesCheck: Sendable {
  /// Where the image has the files; where there are none, only their presence on the node is checked.
  var source: String
  /// The node's directory.
  var destination: String
  /// Which tree was found to be complete first. When another one takes its place, somebody has installed another
  /// version, which is not ours to judge.
  private var knownVersion: String?

  init(source: String, destination: String) {
    self.source = source
    self.destination = destination
  }

  /// Whether the directory that we see has been deleted on the host. Only a new container sees the new one.
  var isDirectoryGone: Bool {
    var status = stat()
    return stat(destination, &status) == 0 && status.st_nlink == 0
  }

  /// What is wrong first, for people; nil when nothing is.
  mutating func problem() -> String? {
    if isDirectoryGone { return "\(destination) was deleted on the node" }
    guard AgentInstallation.isPresent(in: destination) else { return "there are no agent files in \(destination)" }
    let version = try? FileOperation.target(of: current)
    if let knownVersion, knownVersion != version { return nil }
    for directory in [destination, "\(destination)/\(AgentInstallation.versionsName)", current]
    where !AgentTree.isReadable("\(directory)/.") {
      return "\(directory) may not be read by everybody"
    }
    guard FileOperation.exists(source) else { return nil }
    if let problem = firstDifference(in: "") { return problem }
    knownVersion = version
    return nil
  }

  /// The directories whose changes are worth a look: the node's, that of its versions, and those of the agents.
  var watchedDirectories: [String] {
    let agents = (try? FileOperation.names(in: current)) ?? []
    return [destination, "\(destination)/\(AgentInstallation.versionsName)", current]
      + agents.map { "\(current)/\($0)" }
  }

  private var current: String { "\(destination)/\(AgentInstallation.currentName)" }

  private func firstDifference(in directory: String) -> String? {
    guard let names = try? FileOperation.names(in: directory.isEmpty ? source : "\(source)/\(directory)") else {
      return nil
    }
    for name in names where !directory.isEmpty || !name.hasPrefix(".") {
      let path = directory.isEmpty ? name : "\(directory)/\(name)"
      guard let wanted = try? FileOperation.status(of: "\(source)/\(path)") else { continue }
      guard let found = try? FileOperation.status(of: "\(current)/\(path)") else { return "\(path) is missing" }
      if let problem = difference(path, wanted, found) { return problem }
      if wanted.st_mode & S_IFMT == S_IFDIR, let problem = firstDifference(in: path) { return problem }
      if directory.isEmpty, !isLinked(name, to: found) { return "\(destination)/\(name) does not lead to the agent" }
    }
    return nil
  }

  private func difference(_ path: String, _ wanted: stat, _ found: stat) -> String? {
    guard wanted.st_mode & S_IFMT == found.st_mode & S_IFMT else { return "\(path) is no longer what it was" }
    switch wanted.st_mode & S_IFMT {
    case S_IFREG where wanted.st_size != found.st_size:
      return "\(path) has \(found.st_size) bytes instead of \(wanted.st_size)"
    case S_IFLNK:
      let target = try? FileOperation.target(of: "\(source)/\(path)")
      let other = try? FileOperation.target(of: "\(current)/\(path)")
      return target == other ? nil : "\(path) leads to \(other ?? "nothing")"
    default: return modeProblem(path, wanted, found)
    }
  }

  private func modeProblem(_ path: String, _ wanted: stat, _ found: stat) -> String? {
    let isDirectory = wanted.st_mode & S_IFMT == S_IFDIR
    let mode = AgentTree.installedMode(wanted.st_mode & 0o777, isDirectory: isDirectory)
    guard found.st_mode & 0o777 != mode else { return nil }
    return "\(path) has the permissions \(String(found.st_mode & 0o777, radix: 8)) instead of \(String(mode, radix: 8))"
  }

  /// Whether the name that containers use leads to the agent.
  private func isLinked(_ name: String, to found: stat) -> Bool {
    var status = stat()
    return found.st_mode & S_IFMT != S_IFDIR
      || stat("\(destination)/\(name)", &status) == 0 && status.st_ino == found.st_ino
  }
}
