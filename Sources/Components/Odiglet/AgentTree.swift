import Glibc

/// The files of a directory, as a list that can be compared and copied.
struct AgentTree: Sendable, Equatable {
  enum Content: Sendable, Equatable {
    case directory
    case file(size: UInt64)
    case link(target: String)
  }
  struct Entry: Sendable, Equatable {
    /// Relative to the directory, without a slash at its ends.
    var path: String
    var content: Content
    var mode: mode_t

    /// What a copy has: applications of any user must be able to read the agents. Nil for a link, which has none.
    var installedMode: mode_t? {
      switch content {
      case .directory: AgentTree.installedMode(mode, isDirectory: true)
      case .file: AgentTree.installedMode(mode, isDirectory: false)
      case .link: nil
      }
    }
  }

  var root: String
  /// Parents before what is in them, names in order.
  var entries: [Entry] = []

  var fileCount: Int { entries.count { if case .file = $0.content { true } else { false } } }
  var size: UInt64 {
    entries.reduce(0) { sum, entry in if case .file(let size) = entry.content { sum + size } else { sum } }
  }
  /// The names directly in the directory.
  var topLevel: [String] { entries.map(\.path).filter { !$0.contains("/") } }

  /// The permissions of a copy of what has these in the image.
  static func installedMode(_ mode: mode_t, isDirectory: Bool) -> mode_t { mode | (isDirectory ? 0o755 : 0o444) }

  /// Lists a directory.
  init(root: String) throws(AgentInstallationError) {
    self.root = root
    try scan("")
  }

  private mutating func scan(_ directory: String) throws(AgentInstallationError) {
    let path = directory.isEmpty ? root : "\(root)/\(directory)"
    // Names with a dot at the top are not agents, and ours on the host.
    for name in try FileOperation.names(in: path) where !directory.isEmpty || !name.hasPrefix(".") {
      let relative = directory.isEmpty ? name : "\(directory)/\(name)"
      let status = try FileOperation.status(of: "\(root)/\(relative)")
      switch status.st_mode & S_IFMT {
      case S_IFDIR:
        entries.append(Entry(path: relative, content: .directory, mode: status.st_mode & 0o777))
        try scan(relative)
      case S_IFREG:
        entries.append(
          Entry(path: relative, content: .file(size: UInt64(clamping: status.st_size)), mode: status.st_mode & 0o777))
      case S_IFLNK:
        entries.append(
          Entry(path: relative, content: .link(target: try FileOperation.target(of: "\(root)/\(relative)")), mode: 0))
      default: break
      }
    }
  }

  /// A short name for exactly these files: their paths, permissions and contents (FNV-1a of 64 bits). Times are left
  /// out, because images with reproducible layers give all files the same one.
  func fingerprint() throws(AgentInstallationError) -> String {
    var hash = FNV1a()
    for entry in entries {
      hash.add(entry.path)
      hash.add(String(entry.mode))
      switch entry.content {
      case .directory: hash.add("directory")
      case .link(let target): hash.add(target)
      case .file:
        try FileOperation.read("\(root)/\(entry.path)") { hash.add($0) }
      }
    }
    return hash.text
  }
}
