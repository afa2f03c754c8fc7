import Concurrency

/// The devices that the plugin has, and who follows them.
///
/// The devices are interchangeable and their names are the same in every process, so that what the kubelet has noted
/// about containers that run stays true when the plugin starts anew.
final class DeviceInventory: Sendable {
  private struct State {
    var count: Int
    /// Why no container may get a device now; nil where they may.
    var problem: String?
    var watchers: [Int: AsyncStream<[Device]>.Continuation] = [:]
    var nextWatcher = 0

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

  /// The devices now, and anew whenever one changes; ends with `endWatchers` or the reading task.
  func updates() -> AsyncStream<[Device]> {
    let (stream, continuation) = AsyncStream.makeStream(of: [Device].self, bufferingPolicy: .bufferingNewest(1))
    let id = state.withLock { state -> Int in
      let id = state.nextWatcher
      state.nextWatcher += 1
      state.watchers[id] = continuation
      continuation.yield(state.devices)
      return id
    }
    continuation.onTermination = { [weak self] _ in self?.removeWatcher(id) }
    return stream
  }

  /// How many follow the devices.
  var watcherCount: Int { state.withLock { $0.watchers.count } }

  /// Ends every stream that `updates` gave out.
  func endWatchers() {
    let watchers = state.withLock { Array($0.watchers.values) }
    for watcher in watchers { watcher.finish() }
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
      for watcher in state.watchers.values { watcher.yield(devices) }
    }
  }

  private func removeWatcher(_ id: Int) {
    state.withLock { state in
      state.watchers[id] = nil
    }
  }
}
