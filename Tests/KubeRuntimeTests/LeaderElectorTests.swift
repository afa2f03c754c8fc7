import Concurrency
import JSON
import KubeClient
import Logging
import TestSupport
import Testing

@testable import KubeRuntime

private let leases = "/apis/coordination.k8s.io/v1/namespaces/n/leases"

private func lease(_ holder: String, version: Int, seconds: Int = 30) -> JSONValue {
  [
    "metadata": ["name": "lease", "namespace": "n", "resourceVersion": .string("\(version)")],
    "spec": [
      "holderIdentity": .string(holder), "leaseDurationSeconds": .int(seconds), "leaseTransitions": 3,
      "renewTime": "2025-01-01T00:00:00.000000Z",
    ],
  ]
}

private func answer(_ body: JSONValue, status: Int = 200) -> JSONValue { ["status": .int(status), "body": body] }

private let notFound = answer(
  ["kind": "Status", "code": 404, "reason": "NotFound", "message": "no lease"], status: 404)
private let conflict = answer(
  ["kind": "Status", "code": 409, "reason": "Conflict", "message": "too late"], status: 409)

/// An elector named "me" of a scripted server.
private final class Election: Sendable {
  let server: ScriptedServer
  let client: KubeClient
  let events = Locked<[String]>([])
  private let task = Locked<Task<Void, Never>?>(nil)

  init(_ script: JSONValue) throws {
    server = try ScriptedServer()
    try server.play(String(decoding: script.serialized(), as: UTF8.self))
    client = KubeClient(ClusterAccess(server: "http://127.0.0.1:\(server.port)", origin: "the test"))
  }

  /// Runs until `stop`; what leads ends when it is cancelled.
  func start() {
    let elector = LeaderElector(
      client: client, namespace: "n", name: "lease", identity: "me",
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, retryPeriod: .milliseconds(50))
    let events = events
    let running = Task {
      await elector.run {
        events.withLock { $0.append("leads") }
        while !Task.isCancelled { try? await Task.sleep(for: .seconds(60)) }
        events.withLock { $0.append("ended") }
      }
    }
    task.withLock { $0 = running }
  }

  /// As SIGTERM does: cancels the task and waits for its end.
  func stop() async {
    let running = task.withLock { $0 }
    running?.cancel()
    await running?.value
  }

  /// What the server was asked to write: the holder and the duration.
  func writes() async throws -> [String] {
    let log = try await client.raw("/_log")["requests"]?.array ?? []
    return log.filter { $0["method"]?.string != "GET" }.map { entry in
      let body = entry["body"]?.string.flatMap { try? JSONValue(parsing: Array($0.utf8)) }
      let spec = body?["spec"]
      return "\(entry["method"]?.string ?? "") \(spec?["holderIdentity"]?.string ?? "-") "
        + "\(spec?["leaseDurationSeconds"]?.int ?? -1) v\(body?.at("metadata", "resourceVersion")?.string ?? "-")"
    }
  }
}

/// Leader election against an API server that is a script.
@Suite struct LeaderElectorTests {
  @Test func theLeaseIsReleasedWhenTheProcessEnds() async throws {
    let election = try Election([
      "GET \(leases)/lease": [notFound], "POST \(leases)": [answer(lease("me", version: 1), status: 201)],
      "PUT \(leases)/lease": [answer(lease("me", version: 2))],
    ])
    defer { election.client.shutdown() }
    election.start()
    try await eventually("it leads and renews") { try await election.writes().count > 1 }
    await election.stop()
    #expect(election.events.withLock { $0 } == ["leads", "ended"], "what leads ends before the lease is released")
    let writes = try await election.writes()
    #expect(writes.first == "POST me 30 v-")
    #expect(writes.last == "PUT  1 v2", "nobody holds it, for a second: \(writes)")
    #expect(writes.dropFirst().dropLast().allSatisfy { $0.hasPrefix("PUT me 30") }, "\(writes)")
  }

  @Test func aRenewalInBetweenDoesNotKeepItFromBeingReleased() async throws {
    let election = try Election([
      "GET \(leases)/lease": [notFound, answer(lease("me", version: 8))],
      "POST \(leases)": [answer(lease("me", version: 1), status: 201)],
      // The renewals are conflicts, and so is the first release; the look after it shows our own name.
      "PUT \(leases)/lease": [conflict, conflict, answer(lease("me", version: 9))],
    ])
    defer { election.client.shutdown() }
    election.start()
    try await eventually("a renewal") { try await election.writes().count > 1 }
    await election.stop()
    #expect(try await election.writes().last?.hasPrefix("PUT  1 v") == true)
  }

  @Test func whatSomebodyElseHoldsIsLeftAlone() async throws {
    let election = try Election(["GET \(leases)/lease": [answer(lease("other", version: 5))]])
    defer { election.client.shutdown() }
    election.start()
    try await eventually("some looks") {
      (try await election.client.raw("/_log")["requests"]?.array?.count ?? 0) > 3
    }
    await election.stop()
    #expect(election.events.withLock { $0 } == [])
    #expect(try await election.writes() == [])
  }

  @Test func theNextLeaderTakesAReleasedLease() async throws {
    let election = try Election([
      "GET \(leases)/lease": [
        answer(lease("other", version: 5)), answer(lease("other", version: 5)),
        answer(lease("", version: 6, seconds: 1)),
      ],
      "PUT \(leases)/lease": [answer(lease("me", version: 7))],
    ])
    defer { election.client.shutdown() }
    election.start()
    try await eventually("it leads") { election.events.withLock { $0 } == ["leads"] }
    #expect(try await election.writes().first == "PUT me 30 v6")
    await election.stop()
  }

  @Test func aServerThatNeverAnswersDoesNotKeepTheProcessFromEnding() async throws {
    let election = try Election([
      "GET \(leases)/lease": [notFound], "POST \(leases)": [answer(lease("me", version: 1), status: 201)],
      "PUT \(leases)/lease": [["lines": [], "then": "hold"]],
    ])
    defer { election.client.shutdown() }
    election.start()
    try await eventually("a renewal is under way") { try await election.writes().count > 1 }
    await election.stop()
    #expect(election.events.withLock { $0 } == ["leads", "ended"])
  }
}
