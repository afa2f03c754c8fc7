/// What is known of one process.
struct ProcessFacts: Sendable {
  var pid: Int32
  var parent: Int32
  /// The path of the executable in its container, with symbolic links resolved.
  var executable: String?
  var arguments: [String] = []
  var environment: [String: String] = [:]
  /// The files that are mapped, each once, in the order of the mappings.
  var mappedFiles: [String] = []
  var image: ELFImage?
  var goBuild: GoBuildInfo?
  /// Whether it runs in secure-execution mode; nil where that could not be read.
  var isSecure: Bool?
  /// The files that the process sees.
  var root: ContainerRoot

  init(pid: Int32, parent: Int32, root: ContainerRoot) {
    self.pid = pid
    self.parent = parent
    self.root = root
  }

  /// The last component of the executable's path; where that cannot be read, of the first argument.
  var executableName: String {
    let path = executable ?? arguments.first ?? ""
    return String(path.split(separator: "/").last ?? "")
  }

  /// The directory `levels` above the executable's.
  func directory(above levels: Int) -> String? {
    guard let executable else { return nil }
    let parts = executable.split(separator: "/")
    guard parts.count > levels + 1 else { return nil }
    return "/" + parts.dropLast(levels + 1).joined(separator: "/")
  }

  /// The C library, by the loader that the executable asks for or, where it is no ELF file that can be read, by the
  /// one that is mapped.
  var cLibrary: CLibrary? {
    if let image { return image.cLibrary }
    if mappedFiles.contains(where: { $0.contains("/ld-musl") }) { return .musl }
    return mappedFiles.contains { $0.contains("/ld-linux") } ? .glibc : nil
  }
}

/// The file system of a container, through `/proc/PID/root`. What it has is the container's to choose: only regular
/// files are read, none through a final symbolic link, and never much.
struct ContainerRoot: Sendable {
  var path: String

  /// The text of a small file; nil where there is none.
  func text(_ file: String) -> String? {
    BoundedFile.content(path + file, limit: 64 << 10, followingLink: false).map { String(decoding: $0, as: UTF8.self) }
  }

  /// The names in a directory.
  func names(_ directory: String) -> [String] { DirectoryListing.names(path + directory, limit: 4096) }
}
