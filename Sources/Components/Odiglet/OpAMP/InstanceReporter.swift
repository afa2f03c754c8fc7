import KubeClient
import KubeObjects
import KubeRuntime
import Logging
import OdigosObjects
import OpAMP

/// Keeps the InstrumentationInstances of the node as they should be: looks at what has changed, has it written when it is
/// its turn (`WriteSchedule`), and tries again what failed.
final class InstanceReporter: Sendable {
  /// What is to be written of a process.
  enum Desired: Sendable {
    case present(AgentSession<AgentPlace>?, configName: String?, name: String)
    case absent
  }

  /// The calls that it makes.
  struct Calls: Sendable {
    var apply: @Sendable (InstrumentationInstance) async throws(KubeError) -> Void
    var applyStatus: @Sendable (InstrumentationInstance) async throws(KubeError) -> Void
    var delete: @Sendable (ObjectKey) async throws(KubeError) -> Void
    /// The time as the API writes it.
    var time: @Sendable () -> String
  }

  private let writer: InstanceWriter
  private let controller: Controller<AgentPlace>
  private let turns: AsyncStream<InstanceWriter.Turn>

  /// `desired` says what is to be written of a place.
  init(calls: Calls, logger: Logger, desired: @escaping @Sendable (AgentPlace) -> Desired) {
    let (turns, told) = AsyncStream.makeStream(of: InstanceWriter.Turn.self)
    let writer = InstanceWriter(calls: calls, logger: logger, desired: desired) { told.yield($0) }
    self.turns = turns
    self.writer = writer
    // One more than write: what has changed is looked at while the API server is slow, so that the order is right.
    controller = Controller<AgentPlace>(
      name: "instrumentation-instances", workers: WriteSchedule<AgentPlace>.writers + 1, logger: logger
    ) { place in
      try await writer.reconcile(place)
    }
  }

  /// Writes until the task is cancelled.
  func run() async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await self.controller.run() }
      group.addTask {
        for await turn in self.turns {
          if turn.delay > .zero {
            self.controller.enqueue(turn.place, after: turn.delay)
          } else {
            self.controller.enqueue(turn.place)
          }
        }
      }
    }
  }

  /// Something has changed there. Places that come before `run` wait for it.
  func enqueue(_ place: AgentPlace) { controller.enqueue(place) }

  /// How many objects wait for their turn.
  var waitingCount: Int { writer.waitingCount }

  /// Whether an object of this name was written since the start, or is noted.
  func knows(_ key: ObjectKey) -> Bool { writer.knows(key) }

  /// Takes note of an object that there is already.
  func note(_ instance: InstrumentationInstance, of place: AgentPlace) { writer.note(instance, of: place) }
}

extension InstanceReporter.Calls {
  /// Calls to the API server.
  init(_ client: KubeClient) {
    self.init(
      apply: { instance throws(KubeError) in
        try await client.apply(instance, fieldManager: OdigletName.fieldManager)
      },
      applyStatus: { instance throws(KubeError) in
        try await client.apply(instance, fieldManager: OdigletName.fieldManager, subresource: .status)
      },
      delete: { key throws(KubeError) in try await client.delete(InstrumentationInstance.self, key) },
      time: { KubeTime.now.text })
  }
}
