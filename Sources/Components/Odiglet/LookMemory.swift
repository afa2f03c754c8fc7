import Concurrency
import ProcessInspection

/// What the last look at a container found that is looked at again because nothing was known in it.
///
/// While all its processes are the same and have mapped no more than then, another look could find nothing else, and is
/// saved: the state of each process tells that, which costs a tenth of a look.
struct LookMemory: Sendable {
  private struct Look {
    var inspection: ContainerInspection
    var imageVariables: [CapturedVariable: String]?
    /// What the processes were like before the look; nil after the first one, which is never the last.
    var mark: ProcessMark?
  }
  private let looks = Locked<[String: Look]>([:])

  /// The inspection of a container; `mark` answers what its processes are like now.
  func inspection(
    _ id: String, mark: () -> ProcessMark, look: () -> ContainerInspection
  ) -> ContainerInspection {
    let last = looks.withLock { $0[id] }
    let mark = last.map { _ in mark() }
    if let last, let mark, last.mark == mark, last.inspection.runtimes.isEmpty { return last.inspection }
    let inspection = look()
    looks.withLock {
      $0[id] = Look(inspection: inspection, imageVariables: last?.imageVariables, mark: mark)
    }
    return inspection
  }

  /// What the image of a container sets, where it has been told: that never changes.
  func imageVariables(_ id: String) -> [CapturedVariable: String]? { looks.withLock { $0[id]?.imageVariables } }

  /// Keeps what the image of a container sets, as long as it is looked at again.
  func note(_ imageVariables: [CapturedVariable: String], of id: String) {
    looks.withLock { $0[id]?.imageVariables = imageVariables }
  }

  /// Forgets a container.
  func forget(_ id: String) { looks.withLock { $0[id] = nil } }

  /// Forgets containers that are not among these.
  func keep(only ids: Set<String>) {
    looks.withLock { looks in
      if !looks.keys.allSatisfy(ids.contains) { looks = looks.filter { ids.contains($0.key) } }
    }
  }

  /// How many containers are remembered.
  var count: Int { looks.withLock { $0.count } }
}
