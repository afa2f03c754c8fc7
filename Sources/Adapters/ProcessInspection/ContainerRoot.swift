import CShims
import Concurrency
import Glibc

/// The file system of a container, through `/proc/PID/root`. What it has is the container's to choose: symbolic links
/// are followed as its own processes follow them, never into the file system of the reader; only regular files are
/// read, and never much.
final class ContainerRoot: Sendable {
  private let process: Int32
  /// Opened when it is needed, which is seldom.
  private let descriptor = Locked<Int32?>(nil)

  /// The root of the process whose directory is open.
  init(process: Int32) { self.process = process }

  deinit {
    if let opened = descriptor.withLock({ $0 }), opened >= 0 { close(opened) }
  }

  /// The text of a small file; nil where there is none.
  func text(_ path: String) -> String? {
    guard let file = file(path) else { return nil }
    return String(decoding: file.read(limit: 64 << 10), as: UTF8.self)
  }

  /// A file; nil where there is no regular one.
  func file(_ path: String) -> BoundedFile? { BoundedFile(descriptor: open(path, 0)) }

  /// The names in a directory.
  func names(_ path: String) -> [String] { DirectoryListing.names(of: open(path, O_DIRECTORY), limit: 4096) }

  /// Kernels before 5.6 cannot keep links inside of the root: there, none is followed at the end of a path.
  private func open(_ path: String, _ flags: Int32) -> Int32 {
    let root = descriptor.withLock { descriptor in
      let opened = descriptor ?? openat(process, "root", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
      descriptor = opened
      return opened
    }
    guard root >= 0 else { return -1 }
    let file = shim_open_in_root(root, path, flags)
    guard file < 0, errno == ENOSYS || errno == EPERM else { return file }
    let inside = path.drop { $0 == "/" }
    return openat(root, String(inside), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW | flags)
  }
}
