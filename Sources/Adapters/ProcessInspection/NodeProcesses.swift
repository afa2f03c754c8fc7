import Concurrency

/// The processes of a node by container, kept up to date at little cost: a look lists the numbers of all processes, and
/// reads only what is new.
public final class NodeProcesses: Sendable {
  private struct Entry {
    var inode: UInt64
    var firstSeen: Duration
    var containerID: String?
    var mounted: MountedContainer?
    /// Read for watched containers only.
    var executable: FileIdentity?
  }
  private struct State {
    var entries: [Int32: Entry] = [:]
    var byContainer: [String: Set<Int32>] = [:]
    /// The containers that have got new processes since this was asked for; nil before the first look.
    var changed: Set<String>?
    var lastLook: Duration?
    var nodeNamespace: String?
  }

  private let tree: ProcessTree
  private let state = Locked(State())

  /// Runtimes start a process first and move it into its cgroup then: the container of a young one is read again.
  private static let settling = Duration.seconds(5)

  /// The processes of a tree; nothing is read before it is asked for.
  public init(tree: ProcessTree) { self.tree = tree }

  /// The processes of a container, in ascending order, as of at most `freshness` ago; `now` is by a monotonic clock.
  public func processes(of container: ContainerKey, now: Duration, freshness: Duration) -> [Int32] {
    listed(in: container, now: now, freshness: freshness).map(\.pid)
  }

  /// The same with what tells a number that is given to another process meanwhile.
  public func listed(in container: ContainerKey, now: Duration, freshness: Duration) -> [ListedProcess] {
    state.withLock { state in
      if state.lastLook.map({ now - $0 > freshness }) ?? true { look(&state, now) }
      let known = state.byContainer[container.id] ?? []
      guard known.isEmpty, let mounted = container.mounted else {
        return known.sorted().map { ListedProcess(pid: $0, inode: state.entries[$0]?.inode) }
      }
      return state.entries.filter { $0.value.mounted == mounted }.map {
        ListedProcess(pid: $0.key, inode: $0.value.inode)
      }
      .sorted { $0.pid < $1.pid }
    }
  }

  /// Looks for what has changed since the last call: answers which of the watched containers have processes that are
  /// new or, if the look is to be a full one, that have become other programs since that was last seen.
  public func changes(in watched: Set<String>, now: Duration, isFull: Bool = true) -> Set<String> {
    state.withLock { state in
      look(&state, now)
      var changed = (state.changed ?? []).intersection(watched)
      state.changed = []
      for id in watched {
        for pid in state.byContainer[id] ?? [] where isFull || state.entries[pid]?.executable == nil {
          let executable = tree.executableIdentity(of: pid)
          guard let before = state.entries[pid]?.executable, before != executable else {
            state.entries[pid]?.executable = executable
            continue
          }
          state.entries[pid]?.executable = executable
          changed.insert(id)
        }
      }
      return changed
    }
  }

  /// The containers in which these processes are now, for processes that are known to have become other programs.
  public func containers(of pids: some Sequence<Int32>) -> Set<String> {
    Set(pids.compactMap { tree.container(of: $0)?.containerID })
  }

  /// How many processes there were at the last look.
  public var count: Int { state.withLock { $0.entries.count } }

  /// Brings the table up to date.
  private func look(_ state: inout State, _ now: Duration) {
    let buffer = ReadBuffer(capacity: 4096)
    let numbers = tree.processNumbers()
    for (pid, entry) in state.entries where numbers[pid] == nil { remove(pid, entry, &state) }
    for (pid, inode) in numbers {
      if let entry = state.entries[pid] {
        if entry.inode == inode {
          guard entry.containerID == nil, entry.mounted == nil, now - entry.firstSeen < Self.settling else { continue }
        } else if isStill(pid, entry, buffer) {
          state.entries[pid]?.inode = inode
          continue
        } else {
          remove(pid, entry, &state)
        }
      }
      var entry = state.entries[pid] ?? Entry(inode: inode, firstSeen: now)
      if let id = tree.container(of: pid, buffer)?.containerID {
        entry.containerID = id
        state.byContainer[id, default: []].insert(pid)
        state.changed?.insert(id)
      } else {
        entry.mounted = mountedContainer(pid, &state)
      }
      state.entries[pid] = entry
    }
    state.lastLook = now
    state.changed = state.changed ?? []
  }

  /// Whether a number whose directory has another inode is still of the container's process. Where the kernel needs
  /// memory it forgets directories, all at once, and numbers them anew when they are asked for; that must not look like
  /// a new process in each container. Another process of the container under the number is told by what it executes.
  private func isStill(_ pid: Int32, _ entry: Entry, _ buffer: ReadBuffer) -> Bool {
    entry.containerID != nil && tree.container(of: pid, buffer)?.containerID == entry.containerID
  }

  /// Only where a process does not see the node's own mounts: their list is long, and most processes see them.
  private func mountedContainer(_ pid: Int32, _ state: inout State) -> MountedContainer? {
    if state.nodeNamespace == nil { state.nodeNamespace = tree.mountNamespace(of: 1) ?? "" }
    guard let own = tree.mountNamespace(of: pid), own != state.nodeNamespace else { return nil }
    return tree.containerByMounts(pid)
  }

  private func remove(_ pid: Int32, _ entry: Entry, _ state: inout State) {
    state.entries[pid] = nil
    guard let id = entry.containerID else { return }
    state.byContainer[id]?.remove(pid)
    if state.byContainer[id]?.isEmpty == true { state.byContainer[id] = nil }
  }
}

/// What a container is known by to its node's processes.
public struct ContainerKey: Sendable, Hashable {
  /// Its id, without the runtime's name.
  public var id: String
  /// Its pod and name, by which it is found where its cgroup does not have the id.
  var mounted: MountedContainer?

  /// A container by its id and, where they are known, its pod's UID and its name.
  public init(id: String, podUID: String? = nil, name: String? = nil) {
    self.id = id
    if let podUID, let name { mounted = MountedContainer(podUID: podUID, containerName: name) }
  }
}

/// A process as it was listed.
public struct ListedProcess: Sendable, Hashable {
  /// Its number.
  public var pid: Int32
  /// The inode of its directory in the process file system; nil where that is not known.
  var inode: UInt64?

  /// A process by its number alone.
  public init(pid: Int32) { self.pid = pid }

  init(pid: Int32, inode: UInt64?) {
    self.pid = pid
    self.inode = inode
  }
}
