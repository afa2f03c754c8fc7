import CShims
import Concurrency
import EventLoop
import Glibc

/// Tells when processes end: by the kernel's word (a pidfd, Linux 5.3), and by looking now and then at those for which
/// that cannot be had.
public final class ProcessEnds: Sendable {
  private struct State {
    var watched: [ProcessIdentity: Watch] = [:]
    var descriptors = 0
    var isClosed = false
  }
  private enum Watch {
    case descriptor(ProcessDescriptor)
    case polled
  }

  private let tree: ProcessTree
  private let loop: EventLoop
  private let maximumDescriptors: Int
  private let interval: Duration
  private let onEnd: @Sendable (ProcessIdentity) -> Void
  private let state = Locked(State())

  /// Watches nothing yet; `onEnd` is called on the loop's thread, once for each process that was followed. Of how many
  /// the kernel is asked to tell at most, and how often the others are looked at.
  public init(
    tree: ProcessTree, loop: EventLoop, maximumDescriptors: Int = .max, interval: Duration = .seconds(2),
    onEnd: @escaping @Sendable (ProcessIdentity) -> Void
  ) {
    self.tree = tree
    self.loop = loop
    self.maximumDescriptors = maximumDescriptors
    self.interval = interval
    self.onEnd = onEnd
    loop.execute { [weak self] in self?.scheduleLook() }
  }

  /// How many processes are watched.
  public var count: Int { state.withLock { $0.watched.count } }

  /// Tells when that process ends; soon, if it has ended already. Following it again changes nothing.
  public func follow(_ process: ProcessIdentity) {
    loop.execute { [weak self] in self?.begin(process) }
  }

  /// Does not tell any more.
  public func forget(_ process: ProcessIdentity) {
    loop.execute { [weak self] in self?.end(process) }
  }

  /// Forgets all.
  public func close() {
    loop.execute { [self] in
      let all = state.withLock { state in
        state.isClosed = true
        return Array(state.watched.keys)
      }
      for process in all { end(process) }
    }
  }

  private func begin(_ process: ProcessIdentity) {
    let mayAsk = state.withLock { state -> Bool? in
      guard !state.isClosed, state.watched[process] == nil else { return nil }
      state.watched[process] = .polled
      return state.descriptors < maximumDescriptors
    }
    guard let mayAsk else { return }
    let descriptor = mayAsk ? shim_pidfd_open(process.pid) : -1
    if descriptor >= 0 {
      let handler = ProcessDescriptor(descriptor, loop: loop) { [weak self] in self?.hasEnded(process) }
      if handler.start() {
        state.withLock { state in
          state.watched[process] = .descriptor(handler)
          state.descriptors += 1
        }
      }
    }
    // Looked at after it is watched, so that no end falls between; the id may be another process's by now.
    if !tree.isRunning(process) { hasEnded(process) }
  }

  private func hasEnded(_ process: ProcessIdentity) {
    if end(process) { onEnd(process) }
  }

  @discardableResult
  private func end(_ process: ProcessIdentity) -> Bool {
    let watch = state.withLock { state in
      let watch = state.watched.removeValue(forKey: process)
      if case .descriptor = watch { state.descriptors -= 1 }
      return watch
    }
    if case .descriptor(let handler) = watch { handler.stop() }
    return watch != nil
  }

  private func scheduleLook() {
    guard !state.withLock({ $0.isClosed }) else { return }
    loop.schedule(after: interval) { [weak self] in
      self?.look()
      self?.scheduleLook()
    }
  }

  private func look() {
    let polled = state.withLock { state in
      state.watched.compactMap { process, watch in if case .polled = watch { process } else { nil } }
    }
    for process in polled where !tree.isRunning(process) { hasEnded(process) }
  }
}

/// A pidfd on the loop.
private final class ProcessDescriptor: EventHandler, @unchecked Sendable {
  // Unchecked: used on the loop's thread only.
  private let descriptor: Int32
  private let loop: EventLoop
  private let onEnd: () -> Void
  private var registration: Registration?
  private var isClosed = false

  init(_ descriptor: Int32, loop: EventLoop, onEnd: @escaping () -> Void) {
    self.descriptor = descriptor
    self.loop = loop
    self.onEnd = onEnd
  }

  func start() -> Bool {
    registration = try? loop.register(descriptor, for: .readable, self)
    if registration == nil { stop() }
    return registration != nil
  }

  func stop() {
    guard !isClosed else { return }
    isClosed = true
    if let registration { loop.remove(registration) }
    registration = nil
    close(descriptor)
  }

  func handle(_ events: EventMask) { onEnd() }
}
