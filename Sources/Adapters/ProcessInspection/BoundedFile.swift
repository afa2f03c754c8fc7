import Glibc

/// A regular file opened for reading at chosen places. What is read comes from containers, which may offer anything
/// under a name, so symbolic links at the end of a path are refused where asked, nothing but regular files is read,
/// and every read has a limit.
struct BoundedFile: ~Copyable {
  private let descriptor: Int32
  /// The size in bytes; 0 for most files of /proc.
  let size: UInt64

  /// Opens a file; nil where there is no regular file that may be read.
  init?(_ path: String, followingLink: Bool = true) {
    let flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | (followingLink ? 0 : O_NOFOLLOW)
    descriptor = open(path, flags)
    guard descriptor >= 0 else { return nil }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      close(descriptor)
      return nil
    }
    size = UInt64(clamping: status.st_size)
  }

  deinit { close(descriptor) }

  /// Reads `count` bytes from `offset` on; nil when there are not that many.
  func read(at offset: UInt64, count: Int) -> [UInt8]? {
    let bytes = read(from: offset, limit: count)
    return bytes.count == count ? bytes : nil
  }

  /// Reads from `offset` to the end, at most `limit` bytes.
  func read(from offset: UInt64 = 0, limit: Int) -> [UInt8] {
    guard limit > 0, var place = off_t(exactly: offset) else { return [] }
    var result: [UInt8] = []
    while result.count < limit {
      let wanted = min(limit - result.count, 64 << 10)
      let before = result.count
      let chunk = [UInt8](unsafeUninitializedCapacity: wanted) { buffer, count in
        count = max(0, pread(descriptor, buffer.baseAddress, wanted, place))
      }
      result += chunk
      place += off_t(chunk.count)
      if result.count == before { break }
    }
    return result
  }

  /// The content of a file, at most `limit` bytes; nil where it cannot be opened.
  static func content(_ path: String, limit: Int, followingLink: Bool = true) -> [UInt8]? {
    guard let file = BoundedFile(path, followingLink: followingLink) else { return nil }
    return file.read(limit: limit)
  }
}
