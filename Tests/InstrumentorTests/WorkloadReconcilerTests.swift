import Concurrency
import JSON
import KubeClient
import KubeObjects
import Policy
import TestSupport
import Testing

@testable import Instrumentor

/// What the reconciler asks of the API server and what it makes of its answers, over a real socket.
@Suite struct WorkloadReconcilerTests {
  private typealias Bench = ReconcilerBench
  private static let getWorkload = "GET \(Bench.workloadPath)"
  private static let getPods = "GET \(Bench.podsPath)"
  private static let patchWorkload = "PATCH \(Bench.workloadPath)"
  private static let patchStatus = "PATCH \(Bench.statusPath)"
  private static let postEvent = "POST \(Bench.eventsPath)"

  private func with(
    _ script: [String: JSONValue] = [:], configuration: String = "{}", patience: Duration = .seconds(60),
    _ body: (ReconcilerBench) async throws -> Void
  ) async throws {
    let bench = try await ReconcilerBench(script, configuration: configuration, patience: patience)
    let result: Result<Void, any Error>
    do { result = .success(try await body(bench)) } catch { result = .failure(error) }
    await bench.stop()
    try result.get()
  }

  @Test func looksAgainPatchesAndTellsInThatOrder() async throws {
    try await with { bench async throws in
      #expect(await bench.pass().hasPrefix("done"))
      #expect(
        try await bench.lines()
          == [Self.getWorkload, Self.getPods, Self.patchWorkload, Self.patchStatus, Self.postEvent])
      let patch = try #require(try await bench.body(Self.patchWorkload))
      #expect(patch.at("metadata", "resourceVersion") == "11", "the version of the second look, not of the cache")
      #expect(patch.at("metadata", "annotations", "odigos.io/restarted-for")?.string == Bench.hash)
      let time = patch.at("spec", "template", "metadata", "annotations", OdigosAnnotation.restartedAt)
      #expect(time == patch.at("metadata", "annotations", "odigos.io/restarted-at"))
      #expect(try await bench.applied("WorkloadRollout")?["reason"] == "RolloutTriggeredSuccessfully")
      let event = try await bench.body(Self.postEvent)
      #expect(event?["type"] == "Normal" && event?.at("involvedObject", "kind") == "Deployment")
    }
  }

  @Test func whatTheSecondLookShowsCounts() async throws {
    let done = Bench.list(["a", "b"].map { Bench.pod("web-5d4f8c7b9d-\($0)", hash: Bench.hash) })
    try await with([Self.getPods: [done]]) { bench async throws in
      #expect(await bench.pass() == "done")
      #expect(try await bench.lines() == [Self.getWorkload, Self.getPods, Self.patchStatus])
      #expect(try await bench.applied("PodsManifestInjection")?["status"] == "True")
    }
  }

  /// What fails in the second look leaves everything as it is, and is tried again by the queue.
  private static let looks: [(String, JSONValue, String, [String])] = [
    (getWorkload, Bench.failure(404, "NotFound"), "done", [getWorkload]),
    (getWorkload, Bench.failure(500, "InternalError"), "500", [getWorkload]),
    (getWorkload, Bench.answer("no object"), "InvalidAnswer", [getWorkload]),
    (getWorkload, Bench.endless, KubeError.LocalReason.timeout, [getWorkload]),
    (getPods, Bench.failure(500, "InternalError"), "500", [getWorkload, getPods]),
    (getPods, Bench.failure(403, "Forbidden"), "403", [getWorkload, getPods]),
    (getPods, Bench.endless, KubeError.LocalReason.timeout, [getWorkload, getPods]),
  ]

  @Test(arguments: looks) func aLookThatFailsChangesNothing(
    _ request: String, _ answer: JSONValue, _ outcome: String, _ lines: [String]
  ) async throws {
    try await with([request: [answer]], patience: .milliseconds(500)) { bench async throws in
      #expect(await bench.pass() == outcome)
      #expect(try await bench.lines() == lines)
    }
  }

  /// What a patch that fails comes to: whether it is tried again, and whether people are told.
  private static let patches: [(JSONValue, String, isTold: Bool)] = [
    (Bench.failure(409, "Conflict"), "409", false), (Bench.failure(404, "NotFound"), "done", false),
    (Bench.failure(403, "Forbidden", "no rights"), "403", true),
    (Bench.failure(422, "Invalid", "a webhook refuses"), "422", true),
    (Bench.failure(500, "InternalError", "etcd is away"), "500", true),
    (Bench.endless, KubeError.LocalReason.timeout, true),
  ]

  @Test(arguments: patches) func aPatchThatFailsIsToldUnlessItIsARace(
    _ answer: JSONValue, _ outcome: String, _ isTold: Bool
  ) async throws {
    try await with([Self.patchWorkload: [answer]], patience: .milliseconds(500)) { bench async throws in
      #expect(await bench.pass() == outcome)
      let looks = [Self.getWorkload, Self.getPods, Self.patchWorkload]
      #expect(try await bench.lines() == looks + (isTold ? [Self.patchStatus, Self.postEvent] : []))
      guard isTold else { return }
      let condition = try await bench.applied("WorkloadRollout")
      #expect(condition?["reason"] == "FailedToPatch" && condition?["status"] == "False")
      let message = answer.at("body", "message")?.string ?? "did not answer"
      #expect(condition?["message"]?.string?.contains(message) == true, "\(condition ?? .null)")
      #expect(try await bench.body(Self.postEvent)?["type"] == "Warning")
      let status = try await bench.body(Self.patchStatus)?["status"]
      #expect(status?["workloadRolloutHash"] == nil, "it was restarted for nothing yet")
    }
  }

  @Test func afterAConflictItLooksAnew() async throws {
    let later = Bench.answer(Bench.workload(version: 20))
    try await with([
      Self.patchWorkload: [Bench.failure(409, "Conflict"), Bench.answer(Bench.workload(version: 21))],
      Self.getWorkload: [Bench.answer(Bench.workload(version: 11)), later],
    ]) { bench async throws in
      #expect(await bench.pass() == "409")
      #expect(await bench.pass() == "done")
      let patches = try await bench.requests().filter { $0.line == Self.patchWorkload }
      #expect(patches.map { $0.body.at("metadata", "resourceVersion") } == ["11", "20"])
    }
  }

  @Test func whatTheServerPutsOffIsSentAgainAfterItsTime() async throws {
    let putOff = Bench.failure(429, "TooManyRequests", headers: ["Retry-After": "1"])
    try await with([Self.patchWorkload: [putOff, Bench.answer(Bench.workload(version: 12))]]) { bench async throws in
      #expect(await bench.pass() == "done")
      let lines = try await bench.lines()
      #expect(
        lines
          == [
            Self.getWorkload, Self.getPods, Self.patchWorkload, Self.patchWorkload, Self.patchStatus, Self.postEvent,
          ])
    }
  }

  @Test func aStatusOrAnEventThatFailsDoesNotUndoTheRestart() async throws {
    try await with([
      Self.patchStatus: [Bench.failure(404, "NotFound")], Self.postEvent: [Bench.failure(500, "InternalError")],
    ]) { bench async throws in
      #expect(await bench.pass() == "done")
      #expect(try await bench.lines().last == Self.postEvent)
    }
    try await with([Self.patchStatus: [Bench.failure(500, "InternalError")]]) { bench async throws in
      #expect(await bench.pass() == "500", "so that the queue tries again")
    }
  }

  @Test func anAnswerThatNeverEndsHoldsNobodyElse() async throws {
    let endlessOnce: JSONValue = [Bench.endless, Bench.answer(Bench.workload(version: 12))]
    try await with([Self.patchWorkload: endlessOnce]) { bench async throws in
      let stuck = Task { await bench.pass() }
      try await eventually("the patch is under way") { try await bench.lines().contains(Self.patchWorkload) }
      stuck.cancel()
      #expect(await stuck.value == "Cancelled")
      #expect(try await bench.lines().last == Self.patchWorkload, "nothing is told while the process ends")
      #expect(await bench.pass() == "done", "the turn was given back")
    }
  }

  @Test func twoWorkloadsLookAndPatchOneAfterTheOther() async throws {
    try await with { bench async throws in
      async let first = bench.pass()
      async let second = bench.pass()
      #expect(await [first, second] == ["done", "done"])
      let turns = try await bench.lines().filter { [Self.getWorkload, Self.patchWorkload].contains($0) }
      #expect(turns == [Self.getWorkload, Self.patchWorkload, Self.getWorkload, Self.patchWorkload])
    }
  }

  // MARK: - Eviction

  private static let canary = "rollout: {canary: {enabled: true, mode: pod}}"
  private static let eviction = "POST \(Bench.podsPath)/web-5d4f8c7b9d-b/eviction"

  /// The answers to an eviction, what the pass comes to, and the reason of the condition WorkloadRollout.
  private static let evictions: [(JSONValue, String, JSONValue)] = [
    (Bench.answer(["kind": "Status", "status": "Success"], status: 201), "again after 5.0 seconds", "WaitingInQueue"),
    (Bench.failure(404, "NotFound"), "again after 5.0 seconds", "WaitingInQueue"),
    (
      Bench.failure(429, "TooManyRequests", "would violate the budget", headers: ["Retry-After": "10"]),
      "again after 5.0 seconds", "WaitingInQueue"
    ),
    (Bench.failure(500, "InternalError", "a fault"), "500", "FailedToPatch"),
    (Bench.endless, KubeError.LocalReason.timeout, "FailedToPatch"),
  ]

  @Test(arguments: evictions) func aPodIsEvictedAfterTheNote(
    _ answer: JSONValue, _ outcome: String, _ reason: JSONValue
  ) async throws {
    try await with([Self.eviction: [answer]], configuration: Self.canary, patience: .milliseconds(500)) {
      bench async throws in
      #expect(await bench.pass() == outcome)
      let lines = try await bench.lines()
      #expect(
        lines
          == [
            Self.getWorkload, Self.getPods, Self.patchWorkload, Self.eviction, Self.patchStatus, Self.postEvent,
          ])
      let notes = try await bench.body(Self.patchWorkload)?.at("metadata", "annotations")
      #expect(notes?["odigos.io/canary-for"]?.string == Bench.hash)
      let condition = try await bench.applied("WorkloadRollout")
      #expect(condition?["reason"] == reason)
      let message = answer.at("body", "message")?.string ?? ""
      if answer["status"] == 429 { #expect(condition?["message"]?.string?.contains(message) == true) }
    }
  }

  @Test func anOlderServerGetsTheOlderEviction() async throws {
    let unknown = Bench.failure(400, "BadRequest", "no kind \"Eviction\" is registered for version \"policy/v1\"")
    try await with(
      [Self.eviction: [unknown, Bench.answer(["kind": "Status", "status": "Success"], status: 201)]],
      configuration: Self.canary
    ) { bench async throws in
      #expect(await bench.pass().hasPrefix("again"))
      let versions = try await bench.requests().filter { $0.line == Self.eviction }.map { $0.body["apiVersion"] }
      #expect(versions == ["policy/v1", "policy/v1beta1"])
    }
  }
}
