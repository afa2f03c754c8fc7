import CShims
import Glibc

/// Why the kernel does not tell which programs are executed.
public struct ExecEventsError: Error, Sendable, CustomStringConvertible {
  /// What failed, why, and what would mend it.
  public var description: String
}

/// The programs that are executed on a node, as the kernel notes them.
///
/// One ring of memory for each processor (perf_event_open(2)): nothing wakes anybody when a program starts, the reader
/// takes what there is when it likes. Of the ways to hear of executions it is the one that needs least: the capability
/// PERFMON (Linux 5.8), in the node's process namespace. The kernel's process connector answers in the node's network
/// namespace only, fanotify and fentry programs ask for the capability SYS_ADMIN.
public final class ExecEvents: @unchecked Sendable {
  // Unchecked: `rings` never change, and are read by one caller at a time.
  private let rings: [OpaquePointer]
  private static let batch = 4096

  /// The capabilities, without `CAP_`, that reading the events needs, beside the node's process namespace.
  public static let requiredCapabilities = ["PERFMON"]

  /// Starts listening on all processors that are there.
  public init() throws(ExecEventsError) {
    var opened: [OpaquePointer] = []
    var failure: Int32 = 0
    for processor in 0..<shim_processor_count() {
      if let ring = shim_exec_ring_open(processor) {
        opened.append(ring)
      } else if errno != ENODEV {
        // ENODEV: a processor that is switched off.
        failure = errno
        break
      }
    }
    guard failure == 0, !opened.isEmpty else {
      opened.forEach(shim_exec_ring_close)
      throw ExecEventsError(description: Self.explanation(failure))
    }
    rings = opened
  }

  deinit { rings.forEach(shim_exec_ring_close) }

  /// Takes the ids of the processes that have executed a program since the last call, each once; `isComplete` is false
  /// where there were too many to note.
  public func take() -> (pids: Set<Int32>, isComplete: Bool) {
    var pids: Set<Int32> = []
    var lost: Int32 = 0
    withUnsafeTemporaryAllocation(of: Int32.self, capacity: Self.batch) { buffer in
      for ring in rings {
        let count = shim_exec_ring_take(ring, buffer.baseAddress, buffer.count, &lost)
        for pid in buffer.prefix(count) where pid > 0 { pids.insert(pid) }
        if count == buffer.count { lost = 1 }
      }
    }
    return (pids, lost == 0)
  }

  private static func explanation(_ code: Int32) -> String {
    let reason = String(cString: strerror(code))
    guard code == EPERM || code == EACCES else { return "perf_event_open: \(reason)" }
    return "perf_event_open: \(reason); it needs the capability CAP_PERFMON, a kernel of 5.8 or newer, and a seccomp "
      + "profile that lets it pass"
  }
}
