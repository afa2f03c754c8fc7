import Glibc

/// What tells one version of a file from another.
struct FileIdentity: Sendable, Hashable {
  var device: UInt64
  var inode: UInt64
  var size: Int64
  var modified: Int64

  init(_ status: stat) {
    device = UInt64(status.st_dev)
    inode = UInt64(status.st_ino)
    size = Int64(status.st_size)
    modified = Int64(status.st_mtim.tv_sec) &* 1_000_000_000 &+ Int64(status.st_mtim.tv_nsec)
  }
}

/// A regular file opened for reading at chosen places. What is read comes from containers, which may offer anything
/// under a name, so symbolic links at the end of a path are refused where asked, nothing but regular files is read,
/// and every read has a limit.
struct BoundedFile: ~Copyable {
  private let descriptor: Int32
  /// Read instead of a descriptor where that is -1.
  private let bytes: [UInt8]
  /// The size in bytes; 0 for most files of /proc.
  let size: UInt64
  /// Which file it is; nil for bytes in memory.
  let identity: FileIdentity?

  /// Opens a file, below the directory of a descriptor unless the path is absolute; nil where there is no regular file
  /// that may be read.
  init?(_ path: String, in directory: Int32 = AT_FDCWD, followingLink: Bool = true) {
    let flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | (followingLink ? 0 : O_NOFOLLOW)
    self.init(descriptor: openat(directory, path, flags))
  }

  /// Takes a descriptor over, also when it answers nil.
  init?(descriptor: Int32) {
    guard descriptor >= 0 else { return nil }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      close(descriptor)
      return nil
    }
    self.descriptor = descriptor
    bytes = []
    size = UInt64(clamping: status.st_size)
    identity = FileIdentity(status)
  }

  /// A file that is these bytes.
  init(bytes: [UInt8]) {
    descriptor = -1
    self.bytes = bytes
    size = UInt64(bytes.count)
    identity = nil
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  /// Reads `count` bytes from `offset` on; nil when there are not that many.
  func read(at offset: UInt64, count: Int) -> [UInt8]? {
    let bytes = read(from: offset, limit: count)
    return bytes.count == count ? bytes : nil
  }

  /// Reads from `offset` to the end, at most `limit` bytes.
  func read(from offset: UInt64 = 0, limit: Int) -> [UInt8] {
    guard limit > 0, let start = off_t(exactly: offset) else { return [] }
    guard descriptor >= 0 else {
      guard offset < size else { return [] }
      return Array(bytes[Int(offset)...].prefix(limit))
    }
    var result: [UInt8] = []
    var isAtEnd = false
    while !isAtEnd, result.count < limit {
      let wanted = min(limit - result.count, result.isEmpty ? 32 << 10 : 256 << 10)
      guard let place = off_t(exactly: Int(start) &+ result.count), place >= start else { break }
      let part = [UInt8](unsafeUninitializedCapacity: wanted) { buffer, count in
        (count, isAtEnd) = fill(buffer, from: place)
      }
      if result.isEmpty { result = part } else { result += part }
    }
    return result
  }

  /// Reads into memory from `offset` on, and says how many bytes there were: fewer than fit where the file ends.
  func read(into memory: UnsafeMutableRawBufferPointer, from offset: UInt64) -> Int {
    guard let start = off_t(exactly: offset) else { return 0 }
    guard descriptor >= 0 else {
      guard offset < size else { return 0 }
      let part = bytes[Int(offset)...].prefix(memory.count)
      memory.copyBytes(from: part)
      return part.count
    }
    return fill(memory.bindMemory(to: UInt8.self), from: start).count
  }

  /// Reads until the buffer is full or the file ends: files of /proc give a page or less at a time.
  private func fill(_ buffer: UnsafeMutableBufferPointer<UInt8>, from place: off_t) -> (count: Int, isAtEnd: Bool) {
    guard let base = buffer.baseAddress else { return (0, true) }
    var count = 0
    while count < buffer.count {
      let (next, overflow) = place.addingReportingOverflow(off_t(count))
      let read = overflow ? 0 : pread(descriptor, base + count, buffer.count - count, next)
      if read < 0, errno == EINTR { continue }
      guard read > 0 else { return (count, true) }
      count += read
    }
    return (count, false)
  }

  /// The content of a file, at most `limit` bytes; nil where it cannot be opened.
  static func content(
    _ path: String, in directory: Int32 = AT_FDCWD, limit: Int, followingLink: Bool = true
  ) -> [UInt8]? {
    guard let file = BoundedFile(path, in: directory, followingLink: followingLink) else { return nil }
    return file.read(limit: limit)
  }
}
