/// What `/proc/PID/stat` says (proc_pid_stat(5)).
struct ProcessStatus: Equatable {
  /// The first letters of the program's name, unless it gives itself another.
  var name: String
  /// The state's letter of its first thread; `Z` and `X` for those that have ended.
  var state: UInt8
  /// How many threads it has.
  var threads: UInt64
  var parent: Int32
  /// When it started, in clock ticks since the start of the machine.
  var start: UInt64
  /// How much it has mapped, in bytes.
  var size: UInt64
  /// Where its stack begins, which differs from one executed program to the next; 0 where that is not told.
  var stack: UInt64

  /// Whether a container runtime is still preparing what the process is to be: it is in the container's cgroup, but
  /// what it executes is the runtime (runc, a Go program, calls itself `runc:[2:INIT]`).
  var isBeingPrepared: Bool { name.hasPrefix("runc:[") || ["runc", "crun", "youki"].contains(name) }
  /// Whether its first thread has ended and others run on, through which alone it can be looked into.
  var isLedByAnother: Bool { state == UInt8(ascii: "Z") && threads > 1 }
  var hasEnded: Bool { state == UInt8(ascii: "X") || state == UInt8(ascii: "Z") && threads <= 1 }

  /// Reads the text; its second field is the name in parentheses and may contain anything.
  init?(_ text: [UInt8]) {
    guard let end = text.lastIndex(of: UInt8(ascii: ")")) else { return nil }
    name = String(decoding: text[..<end].drop { $0 != UInt8(ascii: "(") }.dropFirst(), as: UTF8.self)
    let fields = text[(end + 1)...].split(maxSplits: 26, omittingEmptySubsequences: true) {
      $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\n")
    }
    guard fields.count > 19, let state = fields[0].first, let parent = Self.number(fields[1]),
      let start = Self.number(fields[19])
    else { return nil }
    self.state = state
    threads = Self.number(fields[17]) ?? 1
    self.parent = Int32(truncatingIfNeeded: parent)
    self.start = start
    size = fields.count > 20 ? Self.number(fields[20]) ?? 0 : 0
    stack = fields.count > 25 ? Self.number(fields[25]) ?? 0 : 0
  }

  /// A decimal number; nil for anything else, and above 64 bits.
  static func number(_ digits: ArraySlice<UInt8>) -> UInt64? {
    guard !digits.isEmpty else { return nil }
    var value: UInt64 = 0
    for byte in digits {
      guard (0x30...0x39).contains(byte) else { return nil }
      let (product, overflow) = value.multipliedReportingOverflow(by: 10)
      let (sum, carry) = product.addingReportingOverflow(UInt64(byte - 0x30))
      guard !overflow, !carry else { return nil }
      value = sum
    }
    return value
  }
}
