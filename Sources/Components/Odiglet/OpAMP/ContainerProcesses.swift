import ProcessInspection

/// Finds processes of containers by the ids that they have there. What is known of the node's processes is brought up
/// to date for it, at most five times a second however many agents come at once.
struct ContainerProcesses: Sendable {
  private let tree: ProcessTree
  // Its own, because their times are counted from its start.
  private let processes: NodeProcesses
  private let clock = ContinuousClock()
  private let start = ContinuousClock.now

  private static let freshness = Duration.milliseconds(200)
  private static let anyAge = Duration.seconds(1 << 30)

  init(tree: ProcessTree) {
    self.tree = tree
    processes = NodeProcesses(tree: tree)
  }

  /// The process of a container that has this id in its own namespace.
  func process(of containerID: String, ownPID: Int32) -> ProcessIdentity? {
    find(ownPID, in: containerID, Self.anyAge) ?? find(ownPID, in: containerID, Self.freshness)
  }

  private func find(_ ownPID: Int32, in containerID: String, _ freshness: Duration) -> ProcessIdentity? {
    let pids = processes.processes(of: ContainerKey(id: containerID), now: clock.now - start, freshness: freshness)
    // An id may have become another container's since they were listed.
    for pid in pids where tree.ownPID(of: pid) == ownPID && tree.container(of: pid)?.containerID == containerID {
      return tree.process(pid)
    }
    return nil
  }
}
