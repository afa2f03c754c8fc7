import Concurrency
import JSON
import KubeClient
import KubeObjects
import Logging
import TestSupport
import Testing

@testable import KubeRuntime

private let maps = "/api/v1/configmaps"

private func map(_ name: String, _ version: Int, data: String = "x") -> String {
  #"{"metadata":{"name":"\#(name)","namespace":"n","resourceVersion":"\#(version)","managedFields":[{}]},"#
    + #""data":{"big":"\#(data)"}}"#
}

private func page(_ maps: [String], version: Int, next: String = "") -> String {
  #"{"body":{"metadata":{"resourceVersion":"\#(version)","continue":"\#(next)"},"items":["#
    + maps.joined(separator: ",") + "]}}"
}

private func event(_ type: String, _ object: String) -> String { #"{"type":"\#(type)","object":\#(object)}"# }

private func lines(_ events: [String], then: String) -> String {
  #"{"lines":[\#(events.joined(separator: ","))],"then":"\#(then)"}"#
}

private let gone = #"{"status":410,"body":{"kind":"Status","code":410,"reason":"Expired","message":"too old"}}"#

/// An informer of a scripted server; it runs until `stop`.
private final class Bench: Sendable {
  let server: ScriptedServer
  let client: KubeClient
  let informer: Informer<ConfigMap>
  let changes = Locked<[String]>([])
  private let task = Locked<Task<Void, Never>?>(nil)

  init(lists: [String], watches: [String]) throws {
    server = try ScriptedServer()
    try server.play(
      #"{"GET \#(maps)":[\#(lists.joined(separator: ","))],"WATCH \#(maps)":[\#(watches.joined(separator: ","))]}"#)
    client = KubeClient(ClusterAccess(server: "http://127.0.0.1:\(server.port)", origin: "the test"))
    informer = Informer(client: client, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }) {
      var kept = $0
      kept.json["data"] = nil
      return kept
    }
    informer.onChange { [changes] old, new in
      let name = (new ?? old)?.name ?? ""
      let versions = [old, new].map { $0?.metadata.resourceVersion ?? "-" }.joined(separator: ">")
      changes.withLock { $0.append("\(name) \(versions)") }
    }
  }

  func start() { task.withLock { $0 = Task { [informer] in await informer.run() } } }

  func stop() async {
    let running = task.withLock { $0 }
    running?.cancel()
    await running?.value
  }

  func expect(_ expected: [String]) async throws {
    do { try await eventually("\(expected)") { changes.withLock { $0.count } >= expected.count } } catch {
      Issue.record("\(error); there is \(changes.withLock { $0 })")
    }
    #expect(changes.withLock { $0 } == expected)
  }

  /// The versions from which watches were asked for.
  func watchedFrom() async throws -> [String] {
    try await client.raw("/_log")["requests"]?.array?.compactMap {
      $0.at("query", "watch") == nil ? nil : $0.at("query", "resourceVersion")?.string
    } ?? []
  }
}

@Suite struct InformerTests {
  @Test func keepsWhatListAndWatchTell() async throws {
    let bench = try Bench(
      lists: [page([map("b", 2)], version: 5, next: "t"), page([map("a", 1)], version: 5)],
      watches: [
        lines(
          [
            event("ADDED", map("c", 6)), event("ADDED", map("c", 6)), event("MODIFIED", map("a", 7)),
            event("DELETED", map("b", 8)),
          ], then: "hold")
      ])
    #expect(!bench.informer.hasSynced)
    bench.start()
    await bench.informer.waitForSync()
    #expect(bench.informer.hasSynced)
    try await bench.expect(["a ->1", "b ->2", "c ->6", "a 1>7", "b 2>-"])
    #expect(bench.informer.all.map(\.name) == ["a", "c"])
    let kept = bench.informer.get(ObjectKey(namespace: "n", name: "a"))
    #expect(kept?.json["data"] == nil)
    #expect(kept?.json.at("metadata", "managedFields") == nil)
    await bench.stop()
  }

  @Test func goesOnWhereACutWatchWas() async throws {
    let bench = try Bench(
      lists: [page([map("a", 1)], version: 5)],
      watches: [
        lines([event("MODIFIED", map("a", 6))], then: "cut"),
        lines([event("MODIFIED", map("a", 7)), event("BOOKMARK", map("", 9))], then: "end"),
        lines([event("DELETED", map("a", 10))], then: "hold"),
      ])
    bench.start()
    try await bench.expect(["a ->1", "a 1>6", "a 6>7", "a 7>-"])
    #expect(try await bench.watchedFrom() == ["5", "6", "9"])
    await bench.stop()
  }

  @Test(arguments: [gone, lines([#"{"type":"ERROR","object":{"kind":"Status","code":410}}"#], then: "end")])
  func listsAnewWhenTheVersionIsTooOld(_ refusal: String) async throws {
    let bench = try Bench(
      lists: [
        page([map("a", 1), map("b", 2), map("c", 3)], version: 5),
        page([map("a", 1), map("c", 8), map("d", 9)], version: 20),
      ], watches: [refusal, lines([event("MODIFIED", map("d", 21))], then: "hold")])
    bench.start()
    try await bench.expect(["a ->1", "b ->2", "c ->3", "b 2>-", "c 3>8", "d ->9", "d 9>21"])
    #expect(try await bench.watchedFrom() == ["5", "20"])
    await bench.stop()
  }

  @Test func forgetsThePagesOfAListThatExpires() async throws {
    let bench = try Bench(
      lists: [page([map("a", 1)], version: 5, next: "t"), gone, page([map("b", 2)], version: 9)],
      watches: [lines([], then: "hold")])
    bench.start()
    await bench.informer.waitForSync()
    try await bench.expect(["b ->2"])
    await bench.stop()
  }

  @Test func waitsForAServerThatFails() async throws {
    let bench = try Bench(
      lists: [#"{"status":500,"body":"oops"}"#, page([map("a", 1)], version: 5)],
      watches: [lines([#"not json\n"#].map { "\"\($0)\"" }, then: "end"), lines([], then: "hold")])
    bench.start()
    try await bench.expect(["a ->1"])
    await bench.stop()
  }

  @Test func cancellingEndsTheWaitForTheFirstList() async throws {
    let bench = try Bench(lists: [page([], version: 5)], watches: [])
    let waiting = Task { await bench.informer.waitForSync() }
    waiting.cancel()
    await waiting.value
    #expect(!bench.informer.hasSynced)
  }
}
