/// What a socket has not taken yet.
struct UnsentBytes {
  enum Outcome {
    case all
    case blocked
    case failed
  }

  private var bytes: [UInt8] = []

  var isEmpty: Bool { bytes.isEmpty }

  /// Writes what an earlier attempt left.
  mutating func retry(_ channel: SocketChannel) -> Outcome {
    guard !bytes.isEmpty else { return .all }
    let kept = bytes
    bytes = []
    return kept.withUnsafeBytes { write($0, to: channel) }
  }

  /// Writes as much as the socket takes and keeps the rest.
  mutating func write(_ source: UnsafeRawBufferPointer, to channel: SocketChannel) -> Outcome {
    var written = 0
    while written < source.count {
      switch channel.write(UnsafeRawBufferPointer(rebasing: source[written...])) {
      case .bytes(let count): written += count
      case .blocked:
        bytes = Array(source[written...])
        return .blocked
      case .ended, .failed: return .failed
      }
    }
    return .all
  }
}
