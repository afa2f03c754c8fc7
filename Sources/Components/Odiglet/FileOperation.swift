import Glibc

/// Why agent files could not be installed: what was tried, on what, and what can be done.
struct AgentInstallationError: Error, Equatable, CustomStringConvertible {
  var description: String
  /// What the system said (`errno`); 0 where it is not the system that refused.
  var code: Int32 = 0

  init(_ description: String, code: Int32 = 0) {
    self.description = description
    self.code = code
  }

  /// An operation that the system refused; call it before anything else that may change `errno`.
  static func system(_ operation: String, _ path: String) -> AgentInstallationError {
    let code = errno
    let reason = String(cString: strerror(code))
    switch code {
    case ENOSPC, EDQUOT:
      return AgentInstallationError(
        "cannot \(operation) \(path): the disk of the node is full (\(reason)); free space there and start again",
        code: code)
    case EROFS:
      return AgentInstallationError(
        "cannot \(operation) \(path): \(reason); mount the host's directory with write access", code: code)
    case EACCES, EPERM:
      return AgentInstallationError(
        "cannot \(operation) \(path): \(reason); run as the owner of the directory, usually root", code: code)
    default: return AgentInstallationError("cannot \(operation) \(path): \(reason)", code: code)
    }
  }
}

/// The operations on files that installing needs, with errors that say what failed.
enum FileOperation {
  private static let bufferSize = 1 << 20

  static func status(of path: String) throws(AgentInstallationError) -> stat {
    var status = stat()
    guard lstat(path, &status) == 0 else { throw .system("look at", path) }
    return status
  }

  static func exists(_ path: String) -> Bool {
    var status = stat()
    return lstat(path, &status) == 0
  }

  /// The names in a directory, in order.
  static func names(in path: String) throws(AgentInstallationError) -> [String] {
    guard let directory = opendir(path) else { throw .system("read", path) }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != "." && name != ".." { names.append(name) }
    }
    return names.sorted()
  }

  static func target(of link: String) throws(AgentInstallationError) -> String {
    let target = withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(PATH_MAX)) { buffer -> String? in
      guard let start = buffer.baseAddress else { return nil }
      let count = readlink(link, start, buffer.count)
      return count < 0 ? nil : String(decoding: UnsafeRawBufferPointer(start: start, count: count), as: UTF8.self)
    }
    guard let target else { throw .system("read the link", link) }
    return target
  }

  static func makeDirectory(_ path: String, mode: mode_t) throws(AgentInstallationError) {
    guard mkdir(path, mode) == 0 || errno == EEXIST else { throw .system("make the directory", path) }
    // Whatever the process's umask says, applications of any user must be able to read the agents.
    try setMode(path, mode)
  }

  static func setMode(_ path: String, _ mode: mode_t) throws(AgentInstallationError) {
    guard chmod(path, mode) == 0 else { throw .system("set the permissions of", path) }
  }

  static func makeLink(_ path: String, to target: String) throws(AgentInstallationError) {
    guard symlink(target, path) == 0 else { throw .system("make the link", path) }
  }

  static func rename(_ path: String, to other: String) throws(AgentInstallationError) {
    guard Glibc.rename(path, other) == 0 else { throw .system("rename \(path) to", other) }
  }

  /// Makes a link, or lets it point elsewhere; there is no moment without it.
  ///
  /// - Parameter temporary: what it is called until it takes its place; there is nothing of that name yet.
  static func replaceLink(_ path: String, to target: String, by temporary: String) throws(AgentInstallationError) {
    try makeLink(temporary, to: target)
    try rename(temporary, to: path)
  }

  static func read(_ path: String, _ body: (UnsafeRawBufferPointer) -> Void) throws(AgentInstallationError) {
    let input = open(path, O_RDONLY | O_CLOEXEC)
    guard input >= 0 else { throw .system("read", path) }
    defer { close(input) }
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: bufferSize, alignment: 16)
    defer { buffer.deallocate() }
    while true {
      let count = Glibc.read(input, buffer.baseAddress, buffer.count)
      guard count >= 0 else { throw .system("read", path) }
      guard count > 0 else { return }
      body(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
    }
  }

  /// Makes a small file that everybody may read, or gives it another content; there is no moment without it.
  ///
  /// - Parameter temporary: what it is called until it takes its place; there is nothing of that name yet.
  static func replaceFile(_ path: String, _ text: String, by temporary: String) throws(AgentInstallationError) {
    let output = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
    guard output >= 0 else { throw .system("write", temporary) }
    defer { close(output) }
    let bytes = Array(text.utf8)
    let count = write(output, bytes, bytes.count)
    guard count == bytes.count else {
      if count >= 0 { errno = ENOSPC }
      throw .system("write", temporary)
    }
    guard fchmod(output, 0o644) == 0 else { throw .system("set the permissions of", temporary) }
    // A list that an outage has emptied would be worth nothing.
    guard fsync(output) == 0 else { throw .system("write", temporary) }
    try rename(temporary, to: path)
  }

  /// Copies a file with its time of modification.
  static func copy(_ path: String, to copy: String, mode: mode_t) throws(AgentInstallationError) {
    let output = open(copy, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
    guard output >= 0 else { throw .system("write", copy) }
    defer { close(output) }
    var failure: AgentInstallationError?
    try read(path) { bytes in
      var rest = bytes
      while failure == nil, !rest.isEmpty {
        let count = write(output, rest.baseAddress, rest.count)
        guard count > 0 else {
          failure = .system("write", copy)
          return
        }
        rest = UnsafeRawBufferPointer(rebasing: rest[count...])
      }
    }
    if let failure { throw failure }
    guard fchmod(output, mode) == 0 else { throw .system("set the permissions of", copy) }
    // Python's compiled files name the time of their sources.
    let original = try status(of: path)
    let times = [original.st_mtim, original.st_mtim]
    guard futimens(output, times) == 0 else { throw .system("set the time of", copy) }
  }

  /// Removes a file, a link, or a directory with everything in it; links are not followed.
  static func remove(_ path: String) throws(AgentInstallationError) {
    guard try status(of: path).st_mode & S_IFMT == S_IFDIR else {
      guard unlink(path) == 0 else { throw .system("remove", path) }
      return
    }
    for name in try names(in: path) { try remove("\(path)/\(name)") }
    guard rmdir(path) == 0 else { throw .system("remove", path) }
  }

  /// The bytes that are free for us on the disk of a directory.
  static func freeBytes(_ path: String) throws(AgentInstallationError) -> UInt64 {
    var status = statvfs()
    guard statvfs(path, &status) == 0 else { throw .system("ask for the free space of", path) }
    // File systems that do not know say the most that there is.
    let (bytes, isMore) = UInt64(status.f_bavail).multipliedReportingOverflow(by: UInt64(status.f_frsize))
    return isMore ? .max : bytes
  }
}
