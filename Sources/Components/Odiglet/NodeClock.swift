import Glibc

/// The time as the kernel counts it, from its own start: no correction of the clock moves an event before another one.
struct NodeClock: Sendable, Equatable {
  /// The name of this run of the kernel.
  var boot: String
  /// The seconds since it started.
  var uptime: Int
  /// When it started, by the clock as it is set now, in seconds since 1970: what the starts of processes are counted
  /// from, too.
  var bootTime: Int

  /// The time now; nil where the kernel does not say which run it is.
  static func now() -> NodeClock? {
    var text: [UInt8] = []
    guard (try? FileOperation.read("/proc/sys/kernel/random/boot_id", { text += $0 })) != nil else { return nil }
    let boot = String(decoding: text.prefix { $0 > UInt8(ascii: " ") }, as: UTF8.self)
    guard !boot.isEmpty else { return nil }
    let (uptime, now) = (nanoseconds(CLOCK_BOOTTIME), nanoseconds(CLOCK_REALTIME))
    return NodeClock(boot: boot, uptime: uptime / 1_000_000_000, bootTime: (now - uptime) / 1_000_000_000)
  }

  private static func nanoseconds(_ clock: clockid_t) -> Int {
    var time = timespec()
    clock_gettime(clock, &time)
    return time.tv_sec * 1_000_000_000 + time.tv_nsec
  }
}
