import Concurrency
import ProcessInspection

/// Finds processes of containers by the ids that they have there. All processes of the node are listed for it, at
/// most five times a second however many agents come at once.
final class ContainerProcesses: Sendable {
  private struct State: Sendable {
    var processes: [String: [Int32]] = [:]
    var listed: ContinuousClock.Instant?
  }
  private let tree: ProcessTree
  private let state = Locked(State())
  private static let freshness = Duration.milliseconds(200)

  init(tree: ProcessTree) { self.tree = tree }

  /// The process of a container that has this id in its own namespace.
  func process(of containerID: String, ownPID: Int32) -> ProcessIdentity? {
    let known = state.withLock { $0.processes[containerID] ?? [] }
    if let found = find(ownPID, in: known, containerID) { return found }
    guard refresh() else { return nil }
    return find(ownPID, in: state.withLock { $0.processes[containerID] ?? [] }, containerID)
  }

  private func find(_ ownPID: Int32, in pids: [Int32], _ containerID: String) -> ProcessIdentity? {
    // An id may have become another container's since they were listed.
    for pid in pids where tree.ownPID(of: pid) == ownPID && tree.container(of: pid)?.containerID == containerID {
      return tree.process(pid)
    }
    return nil
  }

  private func refresh() -> Bool {
    let now = ContinuousClock.now
    let isDue = state.withLock { state in
      if let listed = state.listed, now - listed < Self.freshness { return false }
      state.listed = now
      return true
    }
    if isDue {
      let processes = tree.processesByContainer()
      state.withLock { $0.processes = processes }
    }
    return isDue
  }
}
