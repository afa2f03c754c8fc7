import Concurrency
import KubeObjects
import TestSupport
import Testing

@testable import KubeClient

private let maps = ConfigMapScript.path

@Suite struct KubeClientWatchTests {
  private func added(_ name: String, _ version: String) -> String {
    #"{"type":"ADDED","object":\#(ConfigMapScript.object(name, version: version))}"#
  }

  private func watch(_ bench: ClientBench) async throws -> AsyncThrowingStream<WatchEvent, any Error> {
    try await bench.client.watch(ConfigMap.type, namespace: "n", resourceVersion: "5")
  }

  @Test func deliversEventsToTheEnd() async throws {
    let bookmark = #"{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"9"}}}"#
    let bench = try ClientBench(#"{"WATCH \#(maps)":[{"lines":[\#(added("a", "6")),\#(bookmark)]}]}"#)
    var events: [WatchEvent] = []
    for try await event in try await watch(bench) { events.append(event) }
    #expect(events.count == 2)
    #expect(events.last == .bookmark(resourceVersion: "9"))
    let query = try await bench.log().first?["query"]
    #expect(query?["resourceVersion"] == "5")
    #expect(query?["allowWatchBookmarks"] == "true")
  }

  @Test func aCutWatchFailsAfterItsEvents() async throws {
    let half = #""{\"type\":\"ADDED\",\"obj""#
    let bench = try ClientBench(#"{"WATCH \#(maps)":[{"lines":[\#(added("a", "6")),\#(half)],"then":"cut"}]}"#)
    var events = 0
    let error = await #expect(throws: KubeError.self) {
      for try await _ in try await watch(bench) { events += 1 }
    }
    #expect(events == 1)
    #expect(error?.isTransient == true)
  }

  @Test func aRefusedWatchIsAnError() async throws {
    let bench = try ClientBench(#"{"WATCH \#(maps)":[\#(ConfigMapScript.expired)]}"#)
    let error = await #expect(throws: KubeError.self) { try await watch(bench) }
    #expect(error?.isGone == true)
    #expect(error?.reason == "Expired")
  }

  @Test func cancellingTheReaderEndsTheWatch() async throws {
    let bench = try ClientBench(#"{"WATCH \#(maps)":[{"lines":[\#(added("a", "6"))],"then":"hold"}]}"#)
    let events = Locked(0)
    let reader = Task {
      for try await _ in try await watch(bench) { events.withLock { $0 += 1 } }
    }
    try await eventually("an event comes") { events.withLock { $0 } == 1 }
    reader.cancel()
    _ = try? await reader.value
    try await eventually("the server sees the end") {
      try await bench.log().first?["ended"]?.string == "closed by peer"
    }
  }
}
