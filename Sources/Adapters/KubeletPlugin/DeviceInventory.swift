import Concurrency

/// The devices that the plugin has, and who follows them.
///
/// The devices are interchangeable and their names are the same in every process, so that what the kubelet has noted
/// about containers that run stays true when the plugin starts anew.
final class DeviceInventory: Sendable {
  private struct Watcher {
    /// The process that reads the stream; nil where it cannot be seen.
    var process: Int32?
    var continuation: AsyncStream<[Device]>.Continuation
  }
  private struct State {
    var count: Int
    /// Why no container may get a device now; nil where they may.
    var problem: String?
    var watchers: [Int: Watcher] = [:]
    var nextWatcher = 0
    /// Which serving the watchers belong to.
    var serving = 0
    var watchersChanged: @Sendable () -> Void = {}

    var devices: [Device] {
      (0..<count).map { index in
        var device = Device()
        device.id = DeviceInventory.id(index)
        device.health = problem == nil ? DevicePluginAPI.healthy : DevicePluginAPI.unhealthy
        return device
      }
    }
  }
  private let state: Locked<State>

  init(count: Int, problem: String? = nil) {
    state = Locked(State(count: count, problem: problem))
  }

  private static func id(_ index: Int) -> String { "device-\(index)" }

  /// Whether there is a device of that name.
  func contains(_ id: String) -> Bool {
    let digits = id.utf8.dropFirst("device-".utf8.count)
    guard let index = Int(String(decoding: digits, as: UTF8.self)), index >= 0 else { return false }
    return index < count && Self.id(index) == id
  }

  /// How many devices there are.
  var count: Int { state.withLock { $0.count } }

  /// Why no container may get a device now; nil where they may.
  var problem: String? { state.withLock { $0.problem } }

  /// The devices now, and anew whenever one changes; ends with `beginServing` or the reading task.
  ///
  /// - Parameters:
  ///   - serving: what `beginServing` gave to who serves the stream; one of an earlier serving ends at once.
  ///   - process: who reads it; nil where that cannot be seen.
  func updates(in serving: Int = 0, for process: Int32? = nil) -> AsyncStream<[Device]> {
    let (stream, continuation) = AsyncStream.makeStream(of: [Device].self, bufferingPolicy: .bufferingNewest(1))
    let added = state.withLock { state -> (id: Int, tell: @Sendable () -> Void)? in
      guard serving == state.serving else { return nil }
      let id = state.nextWatcher
      state.nextWatcher += 1
      state.watchers[id] = Watcher(process: process, continuation: continuation)
      continuation.yield(state.devices)
      return (id, state.watchersChanged)
    }
    guard let added else {
      continuation.finish()
      return stream
    }
    continuation.onTermination = { [weak self] _ in self?.removeWatcher(added.id) }
    added.tell()
    return stream
  }

  /// Who follows the devices since `beginServing`: the process of each stream, nil where it cannot be seen.
  var watchers: [Int32?] { state.withLock { $0.watchers.values.map(\.process) } }

  /// Calls `handler` whenever a stream has come or gone.
  func onWatchersChange(_ handler: @escaping @Sendable () -> Void) {
    state.withLock { $0.watchersChanged = handler }
  }

  /// Ends every stream that `updates` gave out, and counts anew: who followed the devices on an earlier socket does not
  /// count on the next. Answers the number of what is served from now on.
  @discardableResult
  func beginServing() -> Int {
    let (serving, watchers) = state.withLock { state in
      defer { state.watchers = [:] }
      state.serving += 1
      return (state.serving, Array(state.watchers.values))
    }
    for watcher in watchers { watcher.continuation.finish() }
    return serving
  }

  /// Says why no container may get a device, or nil that they may.
  func setProblem(_ problem: String?) {
    change { state in
      defer { state.problem = problem }
      return (state.problem == nil) != (problem == nil)
    }
  }

  /// Changes how many devices there are.
  func setCount(_ count: Int) {
    change { state in
      defer { state.count = count }
      return state.count != count
    }
  }

  private func change(_ apply: (inout State) -> Bool) {
    state.withLock { state in
      guard apply(&state) else { return }
      let devices = state.devices
      for watcher in state.watchers.values { watcher.continuation.yield(devices) }
    }
  }

  private func removeWatcher(_ id: Int) {
    let tell = state.withLock { state in state.watchers.removeValue(forKey: id) == nil ? nil : state.watchersChanged }
    tell?()
  }
}
