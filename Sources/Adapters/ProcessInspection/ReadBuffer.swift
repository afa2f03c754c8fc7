import CShims
import Glibc

/// Memory into which small files are read one after the other, as those of a process: what is kept of one is copied.
/// Not for several threads at once.
final class ReadBuffer {
  private var bytes: UnsafeMutableRawBufferPointer

  /// Enough for most files of processes; it grows where one is longer.
  init(capacity: Int = 32 << 10) {
    bytes = .allocate(byteCount: capacity, alignment: 16)
  }

  deinit { bytes.deallocate() }

  /// Calls `body` with the content of a file, at most `limit` bytes; nil where it cannot be read. With `inPieces` the
  /// file is one that gives less than is asked for before its end, as `maps` does.
  func withContent<Answer>(
    _ path: UnsafePointer<CChar>, in directory: Int32 = AT_FDCWD, limit: Int, inPieces: Bool = false,
    _ body: (UnsafeBufferPointer<UInt8>) -> Answer
  ) -> Answer? {
    let file = openat(directory, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
    guard file >= 0 else { return nil }
    defer { close(file) }
    guard let count = fill(file, limit, inPieces) else { return nil }
    let read = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(bytes)[..<count])
    return body(read.bindMemory(to: UInt8.self))
  }

  /// Calls `body` with the names of the files that are mapped to be executed, each ended by a zero, of `maps` in a
  /// directory; nil and errno where the kernel does not tell them so (ENOTTY, before Linux 6.11), or not all.
  func withMappedPrograms<Answer>(
    in directory: Int32, count: Int, _ body: (UnsafeBufferPointer<UInt8>) -> Answer
  ) -> Answer? {
    let file = openat(directory, "maps", O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
    guard file >= 0 else { return nil }
    let size = shim_mapped_programs(file, bytes.baseAddress, bytes.count, count)
    let code = errno
    close(file)
    guard size >= 0 else {
      errno = code
      return nil
    }
    let names = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(bytes)[..<size])
    return body(names.bindMemory(to: UInt8.self))
  }

  /// The content as an array.
  func content(_ path: UnsafePointer<CChar>, in directory: Int32 = AT_FDCWD, limit: Int) -> [UInt8]? {
    withContent(path, in: directory, limit: limit) { Array($0) }
  }

  private func fill(_ file: Int32, _ limit: Int, _ inPieces: Bool) -> Int? {
    var count = 0
    while count < limit {
      if count == bytes.count { grow(min(2 * count, limit)) }
      guard let base = bytes.baseAddress else { return nil }
      let wanted = min(bytes.count, limit) - count
      let got = read(file, base + count, wanted)
      if got < 0, errno == EINTR { continue }
      guard got > 0 else { return got < 0 && count == 0 ? nil : count }
      count += got
      if got < wanted, !inPieces { break }
    }
    return count
  }

  private func grow(_ capacity: Int) {
    let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: capacity, alignment: 16)
    larger.copyMemory(from: UnsafeRawBufferPointer(bytes))
    bytes.deallocate()
    bytes = larger
  }
}
