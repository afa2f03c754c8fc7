import Glibc

extension AgentTree {
  /// What keeps a copy's entry from being what it should be.
  enum Difference: Equatable {
    /// It is not there, or something else.
    case content
    /// Only its permissions are others.
    case mode
  }

  /// Copies everything to a directory that is not there yet.
  func copy(to target: String) throws(AgentInstallationError) {
    try FileOperation.makeDirectory(target, mode: Self.rootMode)
    for entry in entries { try copy(entry, to: "\(target)/\(entry.path)") }
  }

  /// Makes the copy of one entry, which is not there yet; of a directory without what is in it.
  func copy(_ entry: Entry, to path: String) throws(AgentInstallationError) {
    switch entry.content {
    case .directory: try FileOperation.makeDirectory(path, mode: entry.installedMode ?? Self.rootMode)
    case .link(let target): try FileOperation.makeLink(path, to: target)
    case .file: try FileOperation.copy("\(root)/\(entry.path)", to: path, mode: entry.installedMode ?? 0o444)
    }
  }

  /// Whether a copy has the same entries, by their types, sizes, links and permissions, and no others.
  func isComplete(at copy: String) -> Bool {
    guard Self.isReadable(copy) else { return false }
    return entries.allSatisfy { difference($0, at: copy) == nil } && extras(at: copy).isEmpty
  }

  /// What is wrong with a copy's entry; nil when nothing is.
  func difference(_ entry: Entry, at copy: String) -> Difference? {
    let path = "\(copy)/\(entry.path)"
    guard let found = try? FileOperation.status(of: path) else { return .content }
    let isSame =
      switch (entry.content, found.st_mode & S_IFMT) {
      case (.directory, S_IFDIR): true
      case (.file(let size), S_IFREG): UInt64(clamping: found.st_size) == size
      case (.link(let target), S_IFLNK): (try? FileOperation.target(of: path)) == target
      default: false
      }
    guard isSame else { return .content }
    guard let mode = entry.installedMode else { return nil }
    return found.st_mode & 0o777 == mode ? nil : .mode
  }

  /// The paths in a copy that are no entries, without those below them.
  func extras(at copy: String) -> [String] {
    guard let other = try? AgentTree(root: copy) else { return [] }
    let known = Set(entries.map(\.path))
    return other.entries.map(\.path).filter { path in
      guard let slash = path.lastIndex(of: "/") else { return !known.contains(path) }
      return !known.contains(path) && known.contains(String(path[..<slash]))
    }
  }

  /// Whether everybody may look into a directory.
  static func isReadable(_ directory: String) -> Bool {
    guard let status = try? FileOperation.status(of: directory) else { return false }
    return status.st_mode & S_IFMT == S_IFDIR && status.st_mode & rootMode == rootMode
  }

  /// The least permissions of the directories above agent files.
  static let rootMode: mode_t = 0o755
}
