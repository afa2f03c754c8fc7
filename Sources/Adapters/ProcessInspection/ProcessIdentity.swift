/// One process and no other: an id is given again to another process some time after its end, but not with the same
/// start time.
public struct ProcessIdentity: Sendable, Hashable {
  /// The id, in the namespace of the process file system.
  public var pid: Int32
  /// When it started, in clock ticks since the machine did (field 22 of `/proc/PID/stat`).
  public var start: String

  /// Names a process.
  public init(pid: Int32, start: String) {
    self.pid = pid
    self.start = start
  }
}

extension ProcessTree {
  /// The process that has an id now; nil where there is none, or one that has ended and was not waited for.
  public func process(_ pid: Int32) -> ProcessIdentity? {
    guard let directory = ProcessDirectory(root: root, pid: pid), let status = directory.status else { return nil }
    return ProcessIdentity(pid: pid, start: String(status.start))
  }

  /// Whether a process still runs.
  public func isRunning(_ process: ProcessIdentity) -> Bool { self.process(process.pid) == process }

  /// The id that a process has in its own namespace, as it sees itself (`NSpid` of `/proc/PID/status`).
  public func ownPID(of pid: Int32) -> Int32? {
    guard let directory = ProcessDirectory(root: root, pid: pid),
      let text = directory.content("status", limit: 16 << 10)
    else { return nil }
    for line in text.split(separator: UInt8(ascii: "\n")) where line.starts(with: "NSpid:".utf8) {
      let last = line.split(whereSeparator: { $0 == UInt8(ascii: "\t") || $0 == UInt8(ascii: " ") }).last
      return last.flatMap { Int32(String(decoding: $0, as: UTF8.self)) }
    }
    return nil
  }
}
