import Concurrency
import EventLoop
import Glibc

/// Tells when entries of directories come or go, and if wanted when files in them are written (inotify).
///
/// What came or went is not told: who wants to know looks, because events can be lost, and things may have changed
/// again meanwhile. A node has few inotify instances to give (fs.inotify.max_user_instances, often 128 for all
/// processes of root), so there may be none now and one later.
public final class DirectoryWatch: EventHandler, Sendable {
  private struct Instance: Sendable {
    var descriptor: Int32
    var registration: Registration?
  }
  private struct State: Sendable {
    var instance: Instance?
    /// Whether changes may have been missed, because there was no instance.
    var hasMissed = false
    var isClosed = false
  }

  private let state = Locked(State())
  private let seesWrites: Bool
  private let loop: EventLoop
  private let open: @Sendable () -> Int32
  private let onChange: @Sendable () -> Void

  /// Starts watching, if there is an inotify instance to have; `onChange` is called on the loop's thread.
  public convenience init(
    _ directories: [String], seesWrites: Bool, loop: EventLoop, onChange: @escaping @Sendable () -> Void
  ) {
    self.init(
      directories, seesWrites: seesWrites, loop: loop,
      open: { inotify_init1(Int32(IN_CLOEXEC) | Int32(IN_NONBLOCK)) }, onChange: onChange)
  }

  /// - Parameter open: gives a descriptor of inotify, or -1.
  init(
    _ directories: [String], seesWrites: Bool, loop: EventLoop, open: @escaping @Sendable () -> Int32,
    onChange: @escaping @Sendable () -> Void
  ) {
    self.seesWrites = seesWrites
    self.loop = loop
    self.open = open
    self.onChange = onChange
    watch(directories)
  }

  /// Whether there is an inotify instance; without one nothing is told, and `watch` tries again to get one.
  public var isOpen: Bool { state.withLock { $0.instance != nil } }

  /// Watches the directories that have the names now, beside those that are watched already. Adding one again changes
  /// nothing, so calling this again and again covers directories that are made later, or anew.
  public func watch(_ directories: [String]) {
    var changes = IN_CREATE | IN_DELETE | IN_MOVED_TO | IN_MOVED_FROM
    if seesWrites { changes |= IN_CLOSE_WRITE }
    // Under the lock: the descriptor must not be closed, and another file have its number, meanwhile.
    let isNew = state.withLock { state in
      let isNew = state.instance == nil
      if isNew, !state.isClosed { state.instance = instance() }
      guard let instance = state.instance else {
        state.hasMissed = true
        return false
      }
      for directory in directories { _ = inotify_add_watch(instance.descriptor, directory, UInt32(changes)) }
      return isNew
    }
    if isNew { loop.execute { [self] in follow() } }
  }

  private func instance() -> Instance? {
    let descriptor = open()
    return descriptor < 0 ? nil : Instance(descriptor: descriptor, registration: nil)
  }

  /// Lets the loop read the instance. What has changed while there was none was not told, so it is told now.
  private func follow() {
    guard let descriptor = state.withLock({ $0.instance?.descriptor }) else { return }
    guard let registration = try? loop.register(descriptor, for: .readable, self) else {
      state.withLock { state in
        state.instance = nil
        state.hasMissed = true
      }
      Glibc.close(descriptor)
      return
    }
    let hasMissed = state.withLock { state in
      defer { state.hasMissed = false }
      state.instance?.registration = registration
      return state.hasMissed
    }
    if hasMissed { onChange() }
  }

  /// Ends the watch.
  public func close() {
    loop.execute { [self] in
      let instance = state.withLock { state in
        defer { state.instance = nil }
        state.isClosed = true
        return state.instance
      }
      guard let instance else { return }
      if let registration = instance.registration { loop.remove(registration) }
      Glibc.close(instance.descriptor)
    }
  }

  /// Called by the loop.
  public func handle(_ events: EventMask) {
    guard let descriptor = state.withLock({ $0.instance?.descriptor }) else { return }
    withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 8) { buffer in
      while read(descriptor, buffer.baseAddress, buffer.count) > 0 {}
    }
    onChange()
  }
}
