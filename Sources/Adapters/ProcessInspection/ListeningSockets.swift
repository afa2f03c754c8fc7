/// The sockets of a network namespace that wait for connections, by inode.
struct ListeningSockets: Sendable, Equatable {
  /// TCP ports.
  var ports: [UInt64: UInt64] = [:]
  /// Unix sockets.
  var local: Set<UInt64> = []

  /// No sockets.
  init() {}

  /// Whether none waits.
  var isEmpty: Bool { ports.isEmpty && local.isEmpty }

  /// Adds those of `/proc/PID/net/tcp` or `tcp6`.
  mutating func add(tcp text: [UInt8]) {
    for line in text.split(separator: UInt8(ascii: "\n")) {
      let fields = line.split(separator: UInt8(ascii: " "), maxSplits: 10)
      // 0A is TCP_LISTEN.
      guard fields.count > 9, fields[3].elementsEqual([0x30, 0x41]), let inode = ProcessStatus.number(fields[9]),
        let colon = fields[1].lastIndex(of: UInt8(ascii: ":")),
        let port = UInt64(String(decoding: fields[1][(colon + 1)...], as: UTF8.self), radix: 16), port <= 65535
      else { continue }
      ports[inode] = port
    }
  }

  /// Adds those of `/proc/PID/net/unix`.
  mutating func add(unix text: [UInt8]) {
    for line in text.split(separator: UInt8(ascii: "\n")) {
      let fields = line.split(separator: UInt8(ascii: " "), maxSplits: 7)
      // 00010000 is SO_ACCEPTCON.
      guard fields.count > 6, let flags = UInt64(String(decoding: fields[3], as: UTF8.self), radix: 16),
        flags & 0x10000 != 0, let inode = ProcessStatus.number(fields[6])
      else { continue }
      local.insert(inode)
    }
  }

  /// The inode that a link of `/proc/PID/fd` names, such as "socket:[4711]".
  static func inode(ofLink link: [UInt8]) -> UInt64? {
    guard link.starts(with: Array("socket:[".utf8)), link.last == UInt8(ascii: "]") else { return nil }
    return ProcessStatus.number(link[8..<(link.count - 1)])
  }
}
