import Concurrency
import KubeClient
import KubeObjects
import Logging
import OdigosObjects
import OpAMP
import TestSupport
import Testing

@testable import Odiglet

/// What is written, and in which order, while the API server is slow.
struct InstanceReporterTests {
  /// Agents by the ids of their processes, and the API server, which answers once it is `open`.
  private final class Scene: Sendable {
    struct State: Sendable {
      var agents: [Int32: AgentHealth] = [:]
      var isOpen = false
      var calls = 0
      var statuses: [(pid: Int32, isHealthy: Bool?)] = []
    }
    let state = Locked(State())

    func call() async {
      state.withLock { $0.calls += 1 }
      while !state.withLock({ $0.isOpen }), !Task.isCancelled { try? await Task.sleep(for: .milliseconds(1)) }
    }

    func pid(_ name: String) -> Int32 { name.split(separator: "-").last.flatMap { Int32($0) } ?? 0 }

    var calls: InstanceReporter.Calls {
      InstanceReporter.Calls(
        apply: { _ throws(KubeError) in await self.call() },
        applyStatus: { instance throws(KubeError) in
          await self.call()
          self.state.withLock { $0.statuses.append((self.pid(instance.name), instance.status.healthy)) }
        },
        delete: { key throws(KubeError) in
          await self.call()
          self.state.withLock { $0.statuses.append((self.pid(key.name), nil)) }
        },
        time: { "2026-01-01T00:00:00Z" })
    }

    func desired(_ place: AgentPlace) -> InstanceReporter.Desired {
      guard let health = state.withLock({ $0.agents[place.pid] }) else { return .absent }
      var message = AgentToServer()
      message.instanceUID = [1]
      message.capabilities = [.reportsStatus, .reportsHealth]
      message.health = health
      var registry = AgentRegistry<AgentPlace>()
      _ = registry.admit(message, at: place, from: "", endpoint: "", config: nil, newUID: [], at: .zero)
      return .present(registry.session(at: place), configName: nil, name: "web-1-\(place.pid)")
    }
  }

  private static func place(_ pid: Int32) -> AgentPlace {
    AgentPlace(pod: ObjectKey(namespace: "shop", name: "web-1"), podUID: "u", container: "app", pid: pid)
  }

  @Test func whatOnlySaysMoreIsNotWrittenForEver() async throws {
    let scene = Scene()
    let reporter = InstanceReporter(calls: scene.calls, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    { scene.desired($0) }
    let work = Task { await reporter.run() }
    scene.state.withLock { $0.isOpen = true }
    // It counts: ever another status of a part; and then it is unwell, which is told all the same.
    var count = 0
    func say(healthy: Bool) {
      count += 1
      var health = AgentHealth(isHealthy: healthy)
      health.components = ["counter": ComponentStatus(isHealthy: true, status: "\(count)")]
      scene.state.withLock { $0.agents[1] = health }
      reporter.enqueue(Self.place(1))
    }
    try await eventually("the allowance is used up") {
      say(healthy: true)
      return reporter.waitingCount == 0 && scene.state.withLock { $0.statuses.count } == 9
    }
    for _ in 0..<100 { say(healthy: true) }
    say(healthy: false)
    try await eventually("it is unwell") { scene.state.withLock { $0.statuses.last?.isHealthy == false } }
    #expect(scene.state.withLock { $0.statuses.count } == 10)
    work.cancel()
    await work.value
  }

  @Test func aPodThatHasUsedUpItsAllowanceTakesNobodysTurn() async throws {
    let scene = Scene()
    let reporter = InstanceReporter(calls: scene.calls, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    { scene.desired($0) }
    let work = Task { await reporter.run() }
    scene.state.withLock { state in
      state.isOpen = true
      for pid in Int32(1)...400 { state.agents[pid] = AgentHealth(isHealthy: true) }
    }
    for pid in Int32(1)...399 { reporter.enqueue(Self.place(pid)) }
    try await eventually("more than it may have at once") { scene.state.withLock { $0.statuses.count >= 260 } }
    // Those that may not be written yet do not stand in the line, so another pod's is next.
    #expect(reporter.waitingCount <= 4)
    reporter.enqueue(
      AgentPlace(pod: ObjectKey(namespace: "shop", name: "web-1"), podUID: "other", container: "app", pid: 400))
    try await eventually("the other pod's") { scene.state.withLock { $0.statuses.contains { $0.pid == 400 } } }
    #expect(scene.state.withLock { $0.statuses.count } < 400)
    work.cancel()
    await work.value
  }

  @Test func whatIsNotedLateDoesNotHideWhatWasWritten() async throws {
    let scene = Scene()
    let reporter = InstanceReporter(calls: scene.calls, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    { scene.desired($0) }
    let work = Task { await reporter.run() }
    func instance(healthy: Bool) throws -> InstrumentationInstance {
      scene.state.withLock { $0.agents[1] = AgentHealth(isHealthy: healthy) }
      guard case .present(let session, _, let name) = scene.desired(Self.place(1)) else { throw CancellationError() }
      var instance = InstanceObject.object(named: name, at: Self.place(1), configName: nil)
      instance.status = InstanceObject.status(session, previous: nil, now: "t")
      return instance
    }
    let old = try instance(healthy: false)
    let new = try instance(healthy: true)
    #expect(!reporter.knows(new.key))
    scene.state.withLock { $0.isOpen = true }
    reporter.enqueue(Self.place(1))
    try await eventually("it is written") { scene.state.withLock { $0.statuses.last?.isHealthy == true } }
    reporter.note(old, of: Self.place(1))
    #expect(reporter.knows(new.key))
    scene.state.withLock { $0.agents[1] = AgentHealth(isHealthy: false) }
    reporter.enqueue(Self.place(1))
    try await eventually("it is written anew") { scene.state.withLock { $0.statuses.last?.isHealthy == false } }
    work.cancel()
    await work.value
  }

  @Test func tellsWhoIsUnwellOrGoneBeforeWhatElseWaits() async throws {
    let scene = Scene()
    let reporter = InstanceReporter(calls: scene.calls, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    { scene.desired($0) }
    let work = Task { await reporter.run() }
    let all = Array(Int32(1)...150)
    scene.state.withLock { state in
      for pid in all { state.agents[pid] = AgentHealth(isHealthy: true) }
    }
    // Those of which there are objects already, healthy ones.
    for pid: Int32 in [149, 150] {
      guard case .present(let session, _, let name) = scene.desired(Self.place(pid)) else { continue }
      var instance = InstanceObject.object(named: name, at: Self.place(pid), configName: nil)
      instance.status = InstanceObject.status(session, previous: nil, now: "t")
      reporter.note(instance, of: Self.place(pid))
    }
    scene.state.withLock { state in
      state.agents[149] = nil
      state.agents[150] = AgentHealth(isHealthy: false, lastError: "x")
    }
    for pid in all.dropLast(2) { reporter.enqueue(Self.place(pid)) }
    try await eventually("new ones are written") { scene.state.withLock { $0.calls == 4 } }
    for pid in all.suffix(2) { reporter.enqueue(Self.place(pid)) }
    try await eventually("the others wait") { reporter.waitingCount == all.count - 4 }
    scene.state.withLock { $0.isOpen = true }
    try await eventually("every one is written") { scene.state.withLock { $0.statuses.count == all.count } }
    work.cancel()
    await work.value
    let statuses = scene.state.withLock { $0.statuses }
    let unwell = try #require(statuses.firstIndex { $0.pid == 150 && $0.isHealthy == false })
    let gone = try #require(statuses.firstIndex { $0.pid == 149 && $0.isHealthy == nil })
    // Four were under way, and one may be for whoever has waited longest.
    #expect(max(unwell, gone) < 8, "\(unwell) \(gone)")
    #expect(Set(statuses.map(\.pid)) == Set(all))
  }
}
