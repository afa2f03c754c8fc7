/// Which stream identifiers a peer has used: nghttp2 passes over HEADERS for identifiers below the last one, where
/// RFC 9113 section 5.1.1 asks for the end of the connection.
///
/// Only identifiers that were skipped are faults: trailers for a stream that we have reset may be on their way before
/// the peer has seen the reset. They are remembered up to a bound; of what is forgotten nothing is said.
struct StreamLedger {
  /// How many streams have been opened.
  private(set) var count = 0
  private var highest: Int32 = -1
  private var skipped: [ClosedRange<Int32>] = []

  private static let maximumSkipped = 16

  /// Notes that a stream has been opened.
  mutating func opened(_ id: Int32) {
    count += 1
    guard id > highest else { return }
    if id > highest + 2 {
      if skipped.count == Self.maximumSkipped { skipped.removeFirst() }
      skipped.append(highest + 2...id - 2)
    }
    highest = id
  }

  /// Whether HEADERS for that identifier would open a stream below one that was opened before.
  func hasSkipped(_ id: Int32) -> Bool {
    // Peers usually skip none.
    !skipped.isEmpty && id & 1 == 1 && skipped.contains { $0.contains(id) }
  }
}
