import Concurrency
import ProcessInspection

/// Tells the addresses of the node itself from those of pods of other nodes, which have nothing to say here.
final class NodeAddresses: Sendable {
  private struct State {
    var known: Set<String> = []
    var read: ContinuousClock.Instant?
  }
  private let tree: ProcessTree
  private let own: Set<String>
  private let state = Locked(State())

  /// An interface may get another address; reading them costs some milliseconds, which a stranger must not be able to
  /// ask for with every message.
  private static let interval = Duration.seconds(10)

  /// `own` is what the API says of the node.
  init(tree: ProcessTree, own: [String] = []) {
    self.tree = tree
    self.own = Set(own)
  }

  /// Whether the node, or a process in its network, has that address.
  func contains(_ address: String) -> Bool {
    let address = String(address.prefix { $0 != "%" })
    if address.hasPrefix("127.") || address == "::1" || own.contains(address) { return true }
    return state.withLock { state in
      if state.known.contains(address) { return true }
      let now = ContinuousClock.now
      if let read = state.read, now - read < Self.interval { return false }
      state = State(known: tree.nodeAddresses, read: now)
      return state.known.contains(address)
    }
  }
}
