import Concurrency
import EventLoop
import Glibc
import ProcessInspection

/// Tells when the process ends by which a container was judged: what it is may be something else from then on.
final class RepresentativeEnds: Sendable {
  private struct State {
    var containers: [ProcessIdentity: String] = [:]
    var processes: [String: ProcessIdentity] = [:]
  }

  /// The containers whose representative has ended.
  let ended: AsyncStream<String>
  private let told: AsyncStream<String>.Continuation
  private let ends: ProcessEnds
  private let state: Locked<State>

  /// Follows no process yet; `usesDescriptors` is false where the kernel is not to be asked. Processes for which it
  /// does not tell, and those beyond the descriptors that may be used for it, are looked at every `interval`.
  init(tree: ProcessTree, loop: EventLoop, usesDescriptors: Bool = true, interval: Duration = .seconds(30)) {
    let (ended, told) = AsyncStream.makeStream(of: String.self)
    let state = Locked(State())
    (self.ended, self.told, self.state) = (ended, told, state)
    ends = ProcessEnds(
      tree: tree, loop: loop, maximumDescriptors: usesDescriptors ? Self.descriptors : 0, interval: interval
    ) { process in
      let container = state.withLock { state in
        let container = state.containers.removeValue(forKey: process)
        if let container, state.processes[container] == process { state.processes[container] = nil }
        return container
      }
      if let container { told.yield(container) }
    }
  }

  /// A quarter of what the process may have: the connections and the agents' processes need some as well.
  static var descriptors: Int {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 0 }
    return Int(clamping: min(limit.rlim_cur, 8192) / 4)
  }

  /// Follows the process that a container is judged by instead of the one before.
  func follow(_ process: ProcessIdentity, of container: String) {
    let old = state.withLock { state in
      let old = state.processes.updateValue(process, forKey: container)
      if let old, old != process { state.containers[old] = nil }
      state.containers[process] = container
      return old
    }
    guard old != process else { return }
    if let old { ends.forget(old) }
    ends.follow(process)
  }

  /// Follows no process of a container any more.
  func forget(_ container: String) {
    let process = state.withLock { state in
      let process = state.processes.removeValue(forKey: container)
      if let process { state.containers[process] = nil }
      return process
    }
    if let process { ends.forget(process) }
  }

  /// Forgets containers that are not among these.
  func keep(only ids: Set<String>) {
    for container in state.withLock({ $0.processes.keys.filter { !ids.contains($0) } }) { forget(container) }
  }

  /// How many processes are followed.
  var count: Int { state.withLock { $0.containers.count } }

  /// Ends the stream.
  func finish() {
    told.finish()
    ends.close()
  }
}
