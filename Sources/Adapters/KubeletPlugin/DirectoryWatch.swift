import Concurrency
import EventLoop
import Glibc

/// Tells when entries of directories come or go, and if wanted when files in them are written (inotify).
///
/// What came or went is not told: who wants to know looks, because events can be lost, and things may have changed
/// again meanwhile.
public final class DirectoryWatch: EventHandler, Sendable {
  private let descriptor: Int32
  private let registration = Locked<Registration?>(nil)
  private let seesWrites: Bool
  private let loop: EventLoop
  private let onChange: @Sendable () -> Void

  /// Starts watching; `onChange` is called on the loop's thread.
  public init(
    _ directories: [String], seesWrites: Bool, loop: EventLoop, onChange: @escaping @Sendable () -> Void
  ) throws(SystemError) {
    self.seesWrites = seesWrites
    self.loop = loop
    self.onChange = onChange
    descriptor = inotify_init1(Int32(IN_CLOEXEC) | Int32(IN_NONBLOCK))
    guard descriptor >= 0 else { throw SystemError("inotify_init1", code: errno) }
    watch(directories)
    loop.execute { [self] in
      let new = try? loop.register(descriptor, for: .readable, self)
      registration.withLock { $0 = new }
    }
  }

  /// Watches the directories that have the names now, beside those that are watched already. Adding one again changes
  /// nothing, so calling this again and again covers directories that are made later, or anew.
  public func watch(_ directories: [String]) {
    var changes = IN_CREATE | IN_DELETE | IN_MOVED_TO | IN_MOVED_FROM
    if seesWrites { changes |= IN_CLOSE_WRITE }
    for directory in directories { _ = inotify_add_watch(descriptor, directory, UInt32(changes)) }
  }

  /// Ends the watch.
  public func close() {
    loop.execute { [self] in
      if let old = registration.withLock({ $0 }) { loop.remove(old) }
      registration.withLock { $0 = nil }
      Glibc.close(descriptor)
    }
  }

  /// Called by the loop.
  public func handle(_ events: EventMask) {
    withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 8) { buffer in
      while read(descriptor, buffer.baseAddress, buffer.count) > 0 {}
    }
    onChange()
  }
}
