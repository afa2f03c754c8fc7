import Concurrency
import EventLoop
import Glibc

/// Tells when entries of a directory come or go (inotify).
///
/// What came or went is not told: who wants to know looks, because events can be lost, and things may have changed
/// again meanwhile.
final class DirectoryWatch: EventHandler, Sendable {
  private let directory: String
  private let descriptor: Int32
  private let registration = Locked<Registration?>(nil)
  private let loop: EventLoop
  private let onChange: @Sendable () -> Void

  /// Starts watching; `onChange` is called on the loop's thread.
  init(_ directory: String, loop: EventLoop, onChange: @escaping @Sendable () -> Void) throws(SystemError) {
    self.directory = directory
    self.loop = loop
    self.onChange = onChange
    descriptor = inotify_init1(Int32(IN_CLOEXEC) | Int32(IN_NONBLOCK))
    guard descriptor >= 0 else { throw SystemError("inotify_init1", code: errno) }
    arm()
    loop.execute { [self] in
      let new = try? loop.register(descriptor, for: .readable, self)
      registration.withLock { $0 = new }
    }
  }

  /// Watches the directory that has the name now. Adding one that is watched changes nothing, so calling this again
  /// and again covers a directory that is made later, or anew.
  func arm() {
    _ = inotify_add_watch(descriptor, directory, UInt32(IN_CREATE | IN_DELETE | IN_MOVED_TO | IN_MOVED_FROM))
  }

  /// Ends the watch.
  func close() {
    loop.execute { [self] in
      if let old = registration.withLock({ $0 }) { loop.remove(old) }
      registration.withLock { $0 = nil }
      Glibc.close(descriptor)
    }
  }

  func handle(_ events: EventMask) {
    withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 8) { buffer in
      while read(descriptor, buffer.baseAddress, buffer.count) > 0 {}
    }
    onChange()
  }
}
