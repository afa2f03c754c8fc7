import Glibc

/// The directory of one process in the process file system, held open: whatever is read through it is of that process
/// or, once that has ended, nothing, also when its number is given to another.
struct ProcessDirectory: ~Copyable {
  private let descriptor: Int32
  /// The number of the process.
  let pid: Int32

  /// Opens the directory; nil where there is no such process.
  init?(root: String, pid: Int32) {
    descriptor = open("\(root)/\(pid)", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    self.pid = pid
  }

  deinit { close(descriptor) }

  /// A file of the process, at most `limit` bytes; nil where it cannot be read.
  func content(_ name: String, limit: Int) -> [UInt8]? {
    BoundedFile.content(name, in: descriptor, limit: limit)
  }

  /// The state of the process; nil when it has ended.
  var status: ProcessStatus? {
    guard let status = content("stat", limit: 4096).flatMap(ProcessStatus.init), !status.hasEnded else { return nil }
    return status
  }

  /// The path of the executable in the container's file system, with symbolic links resolved.
  var executable: String? {
    link("exe").map { path in
      let text = String(decoding: path, as: UTF8.self)
      return text.hasSuffix(" (deleted)") ? String(text.dropLast(10)) : text
    }
  }

  /// The mount namespace, as the kernel names it.
  var mountNamespace: String? { link("ns/mnt").map { String(decoding: $0, as: UTF8.self) } }

  /// The executable's file.
  func openExecutable() -> BoundedFile? { BoundedFile("exe", in: descriptor) }

  /// The inodes of the sockets that the process has open, of at most `limit` open files.
  func sockets(limit: Int) -> [UInt64] {
    let names = DirectoryListing.names("fd", in: descriptor, limit: limit)
    return names.compactMap { link("fd/\($0)").flatMap(ListeningSockets.inode(ofLink:)) }
  }

  /// The sockets of its network namespace that wait for connections.
  var listeningSockets: ListeningSockets {
    // The kernel names those that wait before all others.
    let limit = 1 << 20
    var result = ListeningSockets()
    for name in ["net/tcp", "net/tcp6"] {
      if let text = content(name, limit: limit) { result.add(tcp: text) }
    }
    if let text = content("net/unix", limit: limit) { result.add(unix: text) }
    return result
  }

  /// The file system that the process sees; to be used no longer than this directory is.
  var root: ContainerRoot { ContainerRoot(process: descriptor) }

  private func link(_ name: String) -> [UInt8]? {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 4096) { buffer -> [UInt8]? in
      guard let start = buffer.baseAddress else { return nil }
      let count = start.withMemoryRebound(to: CChar.self, capacity: buffer.count) {
        readlinkat(descriptor, name, $0, buffer.count)
      }
      return count > 0 ? Array(UnsafeBufferPointer(start: start, count: count)) : nil
    }
  }
}
