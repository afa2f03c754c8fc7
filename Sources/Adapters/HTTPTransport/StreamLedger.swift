/// Which stream identifiers a peer has used: nghttp2 remembers open streams only, and passes over frames for others,
/// where RFC 9113 asks for the end of the connection.
///
/// Identifiers that the peer skipped and streams that it ended are remembered up to a bound; of what is forgotten
/// nothing is said. So no peer is blamed for frames that it sent before it saw our reset of a stream.
struct StreamLedger {
  /// How a frame breaks the rules of stream identifiers.
  enum Fault: Equatable {
    /// It would open a stream with an identifier below one that is in use already (section 5.1.1).
    case identifierTooLow
    /// It belongs to a stream that the peer itself has ended (section 5.1).
    case streamEnded
  }

  /// How many streams have been opened.
  private(set) var count = 0
  private var highest: Int32 = -1
  private var skipped: [ClosedRange<Int32>] = []
  private var ended: [Int32] = []
  private var nextEnded = 0

  private static let maximumSkipped = 16
  private static let maximumEnded = 16

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

  /// Notes that the peer has ended a stream, which is closed now.
  mutating func endedByPeer(_ id: Int32) {
    if ended.count < Self.maximumEnded {
      ended.append(id)
    } else {
      ended[nextEnded] = id
    }
    nextEnded = (nextEnded + 1) % Self.maximumEnded
  }

  /// What is wrong with HEADERS or DATA for that identifier, which must not be of an open stream.
  func fault(of id: Int32) -> Fault? {
    guard id <= highest, id & 1 == 1 else { return nil }
    if skipped.contains(where: { $0.contains(id) }) { return .identifierTooLow }
    return ended.contains(id) ? .streamEnded : nil
  }
}
