import Concurrency
import Glibc
import JSON
import KubeObjects
import TestSupport
import Testing

@testable import KubeClient

private let maps = "/api/v1/namespaces/n/configmaps"

private func map(_ name: String, version: String = "1") -> String {
  #"{"metadata":{"name":"\#(name)","namespace":"n","resourceVersion":"\#(version)"}}"#
}

private func page(_ names: [String], version: String, next: String = "") -> String {
  let items = names.map { map($0) }.joined(separator: ",")
  return #"{"body":{"metadata":{"resourceVersion":"\#(version)","continue":"\#(next)"},"items":[\#(items)]}}"#
}

private let expired =
  #"{"status":410,"body":{"kind":"Status","code":410,"reason":"Expired","message":"the token is too old"}}"#

/// A scripted server and a client of it.
private struct Bench {
  let server: ScriptedServer
  let client: KubeClient

  init(_ script: String = "{}", credential: ClusterAccess.Credential = .none) throws {
    server = try ScriptedServer()
    try server.play(script)
    client = KubeClient(
      ClusterAccess(server: "http://127.0.0.1:\(server.port)", credential: credential, origin: "the test"))
  }

  func log() async throws -> [JSONValue] { try await client.raw("/_log")["requests"]?.array ?? [] }
}

@Suite struct KubeClientListTests {
  @Test func joinsPages() async throws {
    let bench = try Bench(
      #"{"GET \#(maps)":[\#(page(["a", "b"], version: "7", next: "t1")),\#(page(["c"], version: "7"))]}"#)
    var options = ListOptions(labelSelector: "x=y")
    options.limit = 2
    let list = try await bench.client.list(ConfigMap.type, namespace: "n", options)
    #expect(list.items.map { ConfigMap(json: $0).name } == ["a", "b", "c"])
    #expect(list.items.allSatisfy { $0["kind"] == "ConfigMap" && $0["apiVersion"] == "v1" })
    #expect(list.resourceVersion == "7")
    let queries = try await bench.log().compactMap { $0["query"] }
    #expect(queries.first == ["labelSelector": "x=y", "limit": "2"])
    #expect(queries.last == ["labelSelector": "x=y", "limit": "2", "continue": "t1"])
  }

  @Test func aListThatExpiresBeginsAnewAndWhole() async throws {
    let bench = try Bench(
      #"{"GET \#(maps)":[\#(page(["a"], version: "7", next: "t1")),\#(expired),\#(page(["b"], version: "9"))]}"#)
    let list = try await bench.client.list(ConfigMap.type, namespace: "n")
    #expect(list.items.map { ConfigMap(json: $0).name } == ["b"])
    #expect(list.resourceVersion == "9")
    #expect(try await bench.log().last?["query"] == [:])
  }

  @Test func aFirstPageThatIsGoneIsAnError() async throws {
    let bench = try Bench(#"{"GET \#(maps)":[\#(expired)]}"#)
    let error = await #expect(throws: KubeError.self) { try await bench.client.list(ConfigMap.type, namespace: "n") }
    #expect(error?.isGone == true)
  }

  @Test(arguments: ["{}", "[]", "\"text\"", #"{"items":[]}"#])
  func anAnswerThatIsNoListIsAnError(_ body: String) async throws {
    let bench = try Bench(#"{"GET \#(maps)":[{"body":\#(body)}]}"#)
    let error = await #expect(throws: KubeError.self) { try await bench.client.list(ConfigMap.type, namespace: "n") }
    #expect(error?.reason == KubeError.LocalReason.invalidAnswer)
  }
}

@Suite struct KubeClientRequestTests {
  private let key = ObjectKey(namespace: "n", name: "a")

  @Test func writesAndReadsObjects() async throws {
    let answer = #"[{"body":\#(map("a", version: "2"))}]"#
    let bench = try Bench(
      #"{"GET \#(maps)/a":\#(answer),"POST \#(maps)":\#(answer),"PUT \#(maps)/a":\#(answer),"PATCH \#(maps)/a":\#(answer)}"#
    )
    var object = ConfigMap(name: "a", namespace: "n")
    object.json.set(["metadata", "managedFields"], [])
    #expect(try await bench.client.get(ConfigMap.self, key)?.metadata.resourceVersion == "2")
    #expect(try await bench.client.create(ConfigMap.type, object.json).at("metadata", "name") == "a")
    #expect(try await bench.client.update(ConfigMap.type, object.json).at("metadata", "name") == "a")
    #expect(try await bench.client.apply(object, fieldManager: "tester").name == "a")
    _ = try await bench.client.patch(ConfigMap.type, key, .merge, ["data": ["x": "y"]], subresource: nil)
    let log = try await bench.log()
    #expect(log.compactMap { $0["method"]?.string } == ["GET", "POST", "PUT", "PATCH", "PATCH"])
    #expect(log[3]["contentType"] == "application/apply-patch+yaml")
    #expect(log[3]["query"] == ["fieldManager": "tester", "force": "true"])
    #expect(log[3]["body"]?.string?.contains("managedFields") == false)
    #expect(log[4]["contentType"] == "application/merge-patch+json")
    #expect(log[4]["body"] == #"{"data":{"x":"y"}}"#)
  }

  @Test func deletingWhatIsGoneIsNoError() async throws {
    let bench = try Bench()
    try await bench.client.delete(ConfigMap.type, key, propagation: .foreground, gracePeriodSeconds: 0)
    let body = try JSONValue(parsing: try await bench.log().first?["body"]?.string ?? "")
    #expect(body["propagationPolicy"] == "Foreground")
    #expect(body["gracePeriodSeconds"] == 0)
  }

  @Test func readingWhatIsNotThereIsNil() async throws {
    let bench = try Bench()
    #expect(try await bench.client.get(ConfigMap.self, key) == nil)
  }

  @Test func asksAgainWhenTheServerPutsItOff() async throws {
    let busy = #"{"status":429,"headers":{"Retry-After":"1"},"body":"busy"}"#
    let bench = try Bench(#"{"GET \#(maps)/a":[\#(busy),{"body":\#(map("a"))}]}"#)
    #expect(try await bench.client.get(ConfigMap.self, key)?.name == "a")
    #expect(try await bench.log().count == 2)
  }

  @Test func aFaultOfTheServerIsAnError() async throws {
    let bench = try Bench(#"{"GET \#(maps)/a":[{"status":500,"body":"oops"}]}"#)
    let error = await #expect(throws: KubeError.self) { try await bench.client.get(ConfigMap.self, key) }
    #expect(error?.status == 500)
    #expect(error?.message.contains("oops") == true)
    #expect(try await bench.log().count == 1)
  }

  @Test func aReadWhoseConnectionBreaksIsSentOnceMore() async throws {
    let bench = try Bench(#"{"GET \#(maps)/a":[{"then":"cut"},{"body":\#(map("a"))}]}"#)
    #expect(try await bench.client.get(ConfigMap.self, key)?.name == "a")
  }

  @Test func readsTheVersionOfTheServer() async throws {
    let bench = try Bench(#"{"GET /version":[{"body":{"gitVersion":"v1.20.2","major":"1","minor":"20+"}}]}"#)
    let version = try await bench.client.serverVersion()
    #expect(version == ("v1.20.2", 1, 20))
  }

  @Test func aServerThatIsNotThereIsNamed() async throws {
    let client = KubeClient(
      ClusterAccess(server: "https://127.0.0.1:1", origin: "context dev of /home/me/.kube/config"))
    let error = await #expect(throws: KubeError.self) { try await client.get(ConfigMap.self, key) }
    #expect(error?.isTransient == true)
    let words = [
      "cannot reach the API server https://127.0.0.1:1", "context dev of /home/me/.kube/config", "refused",
    ]
    for word in words { #expect(error?.message.contains(word) == true, "\(error?.message ?? "")") }
  }

  @Test func impersonates() async throws {
    let bench = try Bench()
    var access = bench.client.access
    access.headers = [("Impersonate-User", "someone")]
    let seen = try await KubeClient(access).raw("/echo")
    #expect(seen.at("headers", "impersonate-user") == "someone")
  }
}

@Suite struct KubeClientCredentialTests {
  private let key = ObjectKey(namespace: "n", name: "a")
  private func guarded(_ value: String) -> String {
    #"{"GET \#(maps)/a":[{"authorization":"\#(value)","body":\#(map("a"))}]}"#
  }

  @Test(arguments: [
    (ClusterAccess.Credential.token("t"), "Bearer t"), (.basic(user: "me", password: "pass"), "Basic bWU6cGFzcw=="),
  ])
  func sendsFixedCredentials(_ credential: ClusterAccess.Credential, _ value: String) async throws {
    let bench = try Bench(guarded(value), credential: credential)
    #expect(try await bench.client.get(ConfigMap.self, key) != nil)
  }

  @Test func aRefusedTokenIsAnErrorAtOnce() async throws {
    let bench = try Bench(guarded("Bearer other"), credential: .token("t"))
    let error = await #expect(throws: KubeError.self) { try await bench.client.get(ConfigMap.self, key) }
    #expect(error?.status == 401)
    #expect(try await bench.log().count == 1)
  }

  @Test func readsARotatedTokenFile() async throws {
    let directory = try TemporaryDirectory()
    try directory.write("token", "first\n")
    let bench = try Bench(guarded("Bearer first"), credential: .tokenFile("\(directory.path)/token"))
    #expect(try await bench.client.get(ConfigMap.self, key) != nil)
    try directory.write("token", "second\n")
    try bench.server.play(guarded("Bearer second"))
    #expect(try await bench.client.get(ConfigMap.self, key) != nil)
    #expect(try await bench.log().compactMap { $0["authorization"]?.string } == ["Bearer first", "Bearer second"])
  }

  @Test func readsTheTokenFileAnewWhenRefused() async throws {
    let directory = try TemporaryDirectory()
    try directory.write("token", "first")
    let bench = try Bench(guarded("Bearer second"), credential: .tokenFile("\(directory.path)/token"))
    let error = await #expect(throws: KubeError.self) { try await bench.client.get(ConfigMap.self, key) }
    #expect(error?.status == 401)
    #expect(try await bench.log().count == 2)
  }

  @Test func aMissingTokenFileIsNamed() async throws {
    let bench = try Bench(credential: .tokenFile("/nowhere/token"))
    let error = await #expect(throws: KubeError.self) { try await bench.client.get(ConfigMap.self, key) }
    #expect(error?.message.contains("/nowhere/token") == true)
  }

  /// A plugin that counts its runs in the file `count` and gives out a token with that number.
  private func counting(_ directory: TemporaryDirectory, expires: String = "") throws -> ExecPlugin {
    let expiry = expires.isEmpty ? "" : #","expirationTimestamp":"\#(expires)""#
    try directory.write(
      "plugin",
      """
      #!/bin/sh
      printf x >> \(directory.path)/count
      n=$(wc -c < \(directory.path)/count)
      version=$(printf '%s' "$KUBERNETES_EXEC_INFO" | sed 's/.*"apiVersion":"\\([^"]*\\)".*/\\1/')
      printf '{"kind":"ExecCredential","apiVersion":"%s","status":{"token":"%s"\(expiry)}}' "$version" "$PREFIX$n"
      """)
    return try ExecPlugin(
      [
        "command": "./plugin", "apiVersion": "client.authentication.k8s.io/v1beta1",
        "env": [["name": "PREFIX", "value": "run-"]],
      ], directory: directory.path, place: "user", cluster: [:])
  }

  @Test func runsAPluginOnceForManyRequests() async throws {
    let directory = try TemporaryDirectory()
    let bench = try Bench(guarded("Bearer run-1"), credential: .exec(try counting(directory)))
    try await withThrowingTaskGroup(of: Bool.self) { group in
      for _ in 0..<10 { group.addTask { try await bench.client.get(ConfigMap.self, key) != nil } }
      for try await isFound in group { #expect(isFound) }
    }
    #expect(try SmallFile.read("\(directory.path)/count").count == 1)
  }

  @Test func runsAPluginAgainWhenRefused() async throws {
    let directory = try TemporaryDirectory()
    let bench = try Bench(guarded("Bearer run-2"), credential: .exec(try counting(directory)))
    #expect(try await bench.client.get(ConfigMap.self, key) != nil)
    #expect(try await bench.client.get(ConfigMap.self, key) != nil)
    #expect(try SmallFile.read("\(directory.path)/count").count == 2)
  }

  @Test func runsAPluginAgainWhenWhatItGaveExpires() async throws {
    let directory = try TemporaryDirectory()
    let plugin = try counting(directory, expires: "2020-01-01T00:00:00Z")
    let bench = try Bench(guarded("Bearer run-1"), credential: .exec(plugin))
    #expect(try await bench.client.get(ConfigMap.self, key) != nil)
    try bench.server.play(guarded("Bearer run-2"))
    #expect(try await bench.client.get(ConfigMap.self, key) != nil)
  }

  @Test func aPluginThatIsNotThereSaysHowToGetIt() async throws {
    let plugin = try ExecPlugin(
      [
        "command": "no-such-plugin", "apiVersion": "client.authentication.k8s.io/v1",
        "installHint": "Install it from example.com.",
      ], directory: "/", place: "user", cluster: [:])
    let bench = try Bench(credential: .exec(plugin))
    let error = await #expect(throws: KubeError.self) { try await bench.client.get(ConfigMap.self, key) }
    #expect(error?.message.contains("no-such-plugin") == true)
    #expect(error?.message.contains("Install it from example.com.") == true)
  }
}

@Suite struct KubeClientWatchTests {
  private func added(_ name: String, _ version: String) -> String {
    #"{"type":"ADDED","object":\#(map(name, version: version))}"#
  }

  private func watch(_ bench: Bench) async throws -> AsyncThrowingStream<WatchEvent, any Error> {
    try await bench.client.watch(ConfigMap.type, namespace: "n", resourceVersion: "5")
  }

  @Test func deliversEventsToTheEnd() async throws {
    let bookmark = #"{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"9"}}}"#
    let bench = try Bench(#"{"WATCH \#(maps)":[{"lines":[\#(added("a", "6")),\#(bookmark)]}]}"#)
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
    let bench = try Bench(#"{"WATCH \#(maps)":[{"lines":[\#(added("a", "6")),\#(half)],"then":"cut"}]}"#)
    var events = 0
    let error = await #expect(throws: KubeError.self) {
      for try await _ in try await watch(bench) { events += 1 }
    }
    #expect(events == 1)
    #expect(error?.isTransient == true)
  }

  @Test func aRefusedWatchIsAnError() async throws {
    let bench = try Bench(#"{"WATCH \#(maps)":[\#(expired)]}"#)
    let error = await #expect(throws: KubeError.self) { try await watch(bench) }
    #expect(error?.isGone == true)
    #expect(error?.reason == "Expired")
  }

  @Test func cancellingTheReaderEndsTheWatch() async throws {
    let bench = try Bench(#"{"WATCH \#(maps)":[{"lines":[\#(added("a", "6"))],"then":"hold"}]}"#)
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
