import CShims
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

  private init?(thread: String, of process: borrowing ProcessDirectory) {
    descriptor = openat(process.descriptor, "task/\(thread)", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    pid = process.pid
  }

  deinit { close(descriptor) }

  /// The same process seen through a thread that has not ended: when its first thread has, only the others' directories
  /// show what it executes.
  var livingThread: ProcessDirectory? {
    for name in DirectoryListing.names("task", in: descriptor, limit: 64) where name != String(pid) {
      if let thread = ProcessDirectory(thread: name, of: self), thread.executable != nil { return thread }
    }
    return nil
  }

  /// A file of the process, at most `limit` bytes; nil where it cannot be read.
  func content(_ name: String, limit: Int, _ buffer: ReadBuffer = ReadBuffer()) -> [UInt8]? {
    buffer.content(name, in: descriptor, limit: limit)
  }

  /// Calls `body` with a file that the kernel gives in pieces.
  func withPieces<Answer>(
    of name: String, limit: Int, _ buffer: ReadBuffer, _ body: (UnsafeBufferPointer<UInt8>) -> Answer
  ) -> Answer? {
    buffer.withContent(name, in: descriptor, limit: limit, inPieces: true, body)
  }

  /// The files that are mapped to be executed.
  func mappings(limit: Int, _ buffer: ReadBuffer, _ known: MappedFilesCache) -> MappedFiles? {
    if known.isAnsweredByQuery {
      let count = MappedFiles.maximumCount
      if let files = buffer.withMappedPrograms(in: descriptor, count: count, { known.files(names: $0) }) {
        return files
      }
      if errno == ENOTTY { known.noteNoQuery() }
    }
    return withPieces(of: "maps", limit: limit, buffer) { known.files(maps: $0) }
  }

  /// The state of the process; nil when it has ended.
  var status: ProcessStatus? { status(ReadBuffer(capacity: 4096)) }

  func status(_ buffer: ReadBuffer) -> ProcessStatus? {
    let status = content("stat", limit: 4096, buffer).flatMap(ProcessStatus.init)
    return status?.hasEnded == false ? status : nil
  }

  /// The inode of the directory, which is another one where the number was given to another process; it may also be
  /// another one because the kernel had forgotten it.
  var inode: UInt64? {
    var status = stat()
    return fstat(descriptor, &status) == 0 ? UInt64(status.st_ino) : nil
  }

  /// Which file the process executes; nil where it cannot be looked into.
  var executableIdentity: FileIdentity? {
    var status = stat()
    return shim_known_status(descriptor, "exe", &status) == 0 && status.st_mode & S_IFMT == S_IFREG
      ? FileIdentity(status) : nil
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
    let buffer = ReadBuffer()
    var result = ListeningSockets()
    for name in ["net/tcp", "net/tcp6"] {
      if let text = withPieces(of: name, limit: limit, buffer, { Array($0) }) { result.add(tcp: text) }
    }
    if let text = withPieces(of: "net/unix", limit: limit, buffer, { Array($0) }) { result.add(unix: text) }
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
