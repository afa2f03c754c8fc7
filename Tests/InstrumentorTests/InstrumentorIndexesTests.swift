import Concurrency
import JSON
import KubeClient
import KubeObjects
import OdigosObjects
import Testing

@testable import Instrumentor
@testable import Policy

/// What is looked up again and again is never that of before a change, whenever the change comes.
@Suite struct InstrumentorIndexesTests {
  enum Index: String, CaseIterable, Sendable {
    case sources, rules, actions
  }

  /// Objects that somebody changes in the middle of a reading of them.
  private final class World: Sendable {
    private struct State: Sendable {
      var names = ["one"]
      var configuration: String? = "rollout: {maxConcurrentRollouts: 1}"
      var readings = 0
      var interruption: (@Sendable () -> Void)?
    }
    private let state = Locked(State())
    private let client = KubeClient(ClusterAccess(server: "http://127.0.0.1:1", origin: "the test"))

    deinit { client.shutdown() }

    var readings: Int { state.withLock { $0.readings } }

    /// Happens after the next reading and before anything is made of what was read.
    func interrupt(_ body: @escaping @Sendable () -> Void) { state.withLock { $0.interruption = body } }

    func add(_ name: String) { state.withLock { $0.names.append(name) } }
    func configure(_ text: String?) { state.withLock { $0.configuration = text } }

    private func read<Value: Sendable>(_ value: (State) -> Value) -> Value {
      let (read, interruption) = state.withLock { state in
        state.readings += 1
        defer { state.interruption = nil }
        return (value(state), state.interruption)
      }
      interruption?()
      return read
    }

    func indexes() -> InstrumentorIndexes {
      let names: @Sendable () -> [String] = { [self] in read(\.names) }
      let configuration: @Sendable () -> String? = { [self] in read(\.configuration) }
      let inputs = InstrumentorIndexes.Inputs(
        sources: { names().map { Source(json: InstrumentorIndexesTests.source($0)) } },
        rules: { names().map { InstrumentationRule(name: $0, namespace: "odigos-system") } },
        actions: { names().map { Action(json: InstrumentorIndexesTests.action($0)) } },
        effectiveConfiguration: {
          configuration().map { ConfigMap(json: ["metadata": ["name": "c"], "data": ["config.yaml": .string($0)]]) }
        })
      let caches = InstrumentorCaches(client: client, namespace: "odigos-system", logger: AdmissionSample.logger)
      return InstrumentorIndexes(caches: caches, namespace: "odigos-system", inputs: inputs)
    }
  }

  private static func source(_ name: String) -> JSONValue {
    [
      "metadata": ["name": .string(name), "namespace": "shop"],
      "spec": ["workload": ["kind": "Deployment", "name": "web", "namespace": "shop"]],
    ]
  }

  private static func action(_ name: String) -> JSONValue {
    ["metadata": ["name": .string(name), "namespace": "odigos-system"], "spec": ["spanRenamer": [:]]]
  }

  private static func names(_ indexes: InstrumentorIndexes, _ index: Index) -> [String] {
    let web = WorkloadReference(namespace: "shop", kind: .deployment, name: "web")
    return switch index {
    case .sources: indexes.sources().exactSources(of: web).map(\.name)
    case .rules: indexes.rules().map(\.key.name)
    case .actions: indexes.actions().map(\.key.name)
    }
  }

  private static func changed(_ indexes: InstrumentorIndexes, _ index: Index) {
    switch index {
    case .sources: indexes.sourcesChanged()
    case .rules: indexes.rulesChanged()
    case .actions: indexes.actionsChanged()
    }
  }

  @Test(arguments: Index.allCases) func whatComesDuringTheMakingIsSeen(_ index: Index) {
    let world = World()
    let indexes = world.indexes()
    world.interrupt {
      world.add("two")
      Self.changed(indexes, index)
    }
    _ = Self.names(indexes, index)
    #expect(Self.names(indexes, index) == ["one", "two"])
    #expect(Self.names(indexes, index) == ["one", "two"])
    #expect(world.readings == 2, "what is current is kept")
  }

  /// Of two that read, the one with the older objects is the last to be ready.
  @Test(arguments: Index.allCases) func theSlowerOfTwoMakingsKeepsNothingOld(_ index: Index) {
    let world = World()
    let indexes = world.indexes()
    world.interrupt {
      world.add("two")
      Self.changed(indexes, index)
      #expect(Self.names(indexes, index) == ["one", "two"])
    }
    _ = Self.names(indexes, index)
    #expect(Self.names(indexes, index) == ["one", "two"])
    #expect(world.readings == 2)
  }

  @Test(arguments: [false, true]) func aConfigurationThatComesDuringTheReadingIsSeen(_ isReadByAnother: Bool) {
    let world = World()
    let indexes = world.indexes()
    func most() -> Int { indexes.configuration().rollout.maxConcurrentRollouts }
    world.interrupt {
      world.configure("rollout: {maxConcurrentRollouts: 2}")
      indexes.configurationChanged()
      if isReadByAnother { #expect(indexes.configuration().rollout.maxConcurrentRollouts == 2) }
    }
    _ = most()
    #expect(most() == 2)
    #expect(world.readings == 2)
  }

  /// What was read before the change is not taken for the last good one either.
  @Test func aConfigurationThatGoesDuringTheReadingIsGone() {
    let world = World()
    let indexes = world.indexes()
    world.interrupt {
      world.configure(nil)
      indexes.configurationChanged()
    }
    #expect(indexes.lastGoodConfiguration().configuration == nil)
    world.configure("rollout: {maxConcurrentRollouts: 3}")
    #expect(indexes.lastGoodConfiguration().configuration == nil, "nobody said that it has changed")
    indexes.configurationChanged()
    #expect(indexes.configuration().rollout.maxConcurrentRollouts == 3)
  }
}
