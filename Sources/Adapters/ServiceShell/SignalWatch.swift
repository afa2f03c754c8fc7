import CShims
import EventLoop
import Glibc

/// Brings SIGTERM and SIGINT to a loop.
final class SignalWatch: EventHandler {
  private let fd: Int32
  private let onSignal: () -> Void
  private var registration: Registration?

  /// On the loop's thread. `onSignal` runs for each signal that comes from now on.
  static func start(_ signals: [Int32], on loop: EventLoop, _ onSignal: @escaping () -> Void) throws(SystemError) {
    let fd = shim_eventfd()
    guard fd >= 0 else { throw SystemError("eventfd", code: errno) }
    let watch = SignalWatch(fd, onSignal)
    watch.registration = try loop.register(fd, for: .readable, watch)
    guard shim_forward_signals(signals, signals.count, fd) == 0 else { throw SystemError("sigaction", code: errno) }
  }

  private init(_ fd: Int32, _ onSignal: @escaping () -> Void) {
    self.fd = fd
    self.onSignal = onSignal
  }

  func handle(_ events: EventMask) {
    var count: UInt64 = 0
    guard read(fd, &count, 8) == 8 else { return }
    for _ in 0..<min(count, 2) { onSignal() }
  }
}
