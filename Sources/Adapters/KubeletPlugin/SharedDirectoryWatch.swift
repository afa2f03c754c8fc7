import Concurrency
import EventLoop
import Logging

/// One watch of a directory for everybody in the process who wants to know when its entries come or go: several device
/// plugins have their sockets in the same directory, and inotify instances are few.
public final class SharedDirectoryWatch: Sendable {
  private struct State {
    var watch: DirectoryWatch?
    var handlers: [Int: @Sendable () -> Void] = [:]
    var nextHandler = 0
    /// Whether it was said that there is no inotify instance.
    var hasComplained = false
  }

  /// What is watched.
  public let directory: String
  private let loop: EventLoop
  private let logger: Logger
  private let state = Locked(State())

  /// Makes a watch; nothing is watched before the first `add`.
  public init(_ directory: String, loop: EventLoop, logger: Logger) {
    self.directory = directory
    self.loop = loop
    self.logger = logger
  }

  /// Calls `handler` on the loop's thread when something has come or gone, until it is removed by the number that is
  /// returned.
  func add(_ handler: @escaping @Sendable () -> Void) -> Int {
    let id = state.withLock { state in
      defer { state.nextHandler += 1 }
      state.handlers[state.nextHandler] = handler
      return state.nextHandler
    }
    refresh()
    return id
  }

  /// Removes what `add` has added; the last one ends the watch.
  func remove(_ id: Int) {
    let unused = state.withLock { state -> DirectoryWatch? in
      state.handlers[id] = nil
      guard state.handlers.isEmpty else { return nil }
      defer { state.watch = nil }
      return state.watch
    }
    unused?.close()
  }

  /// Watches the directory that has the name now, also where that could not be had before. Call it now and then.
  func refresh() {
    let change = state.withLock { state -> Bool? in
      guard !state.handlers.isEmpty else { return nil }
      if let watch = state.watch {
        watch.watch([directory])
      } else {
        state.watch = DirectoryWatch([directory], seesWrites: false, loop: loop) { [weak self] in self?.tell() }
      }
      let isOpen = state.watch?.isOpen == true
      guard isOpen == state.hasComplained else { return nil }
      state.hasComplained = !isOpen
      return isOpen
    }
    switch change {
    case false:
      logger.warning(
        "there is no inotify instance to be had (fs.inotify.max_user_instances); the directory is only polled",
        metadata: ["directory": "\(directory)"])
    case true: logger.notice("the directory is watched again", metadata: ["directory": "\(directory)"])
    default: break
    }
  }

  private func tell() {
    let handlers = state.withLock { Array($0.handlers.values) }
    for handler in handlers { handler() }
  }
}
