import KubeObjects
import TestSupport
import Testing

@testable import KubeClient

private let maps = ConfigMapScript.path

@Suite struct KubeClientCredentialTests {
  private let key = ObjectKey(namespace: "n", name: "a")
  private func guarded(_ value: String) -> String {
    #"{"GET \#(maps)/a":[{"authorization":"\#(value)","body":\#(ConfigMapScript.object("a"))}]}"#
  }

  @Test(arguments: [
    (ClusterAccess.Credential.token("t"), "Bearer t"), (.basic(user: "me", password: "pass"), "Basic bWU6cGFzcw=="),
  ])
  func sendsFixedCredentials(_ credential: ClusterAccess.Credential, _ value: String) async throws {
    let bench = try ClientBench(guarded(value), credential: credential)
    #expect(try await bench.client.get(ConfigMap.self, key) != nil)
  }

  @Test func aRefusedTokenIsAnErrorAtOnce() async throws {
    let bench = try ClientBench(guarded("Bearer other"), credential: .token("t"))
    let error = await #expect(throws: KubeError.self) { try await bench.client.get(ConfigMap.self, key) }
    #expect(error?.status == 401)
    #expect(try await bench.log().count == 1)
  }

  @Test func readsARotatedTokenFile() async throws {
    let directory = try TemporaryDirectory()
    try directory.replace("token", "first\n")
    let bench = try ClientBench(guarded("Bearer first"), credential: .tokenFile("\(directory.path)/token"))
    #expect(try await bench.client.get(ConfigMap.self, key) != nil)
    try directory.replace("token", "second\n")
    try bench.server.play(guarded("Bearer second"))
    #expect(try await bench.client.get(ConfigMap.self, key) != nil)
    #expect(try await bench.log().compactMap { $0["authorization"]?.string } == ["Bearer first", "Bearer second"])
  }

  @Test func readsTheTokenFileAnewWhenRefused() async throws {
    let directory = try TemporaryDirectory()
    try directory.replace("token", "first")
    let bench = try ClientBench(guarded("Bearer second"), credential: .tokenFile("\(directory.path)/token"))
    let error = await #expect(throws: KubeError.self) { try await bench.client.get(ConfigMap.self, key) }
    #expect(error?.status == 401)
    #expect(try await bench.log().count == 2)
  }

  @Test func aMissingTokenFileIsNamed() async throws {
    let bench = try ClientBench(credential: .tokenFile("/nowhere/token"))
    let error = await #expect(throws: KubeError.self) { try await bench.client.get(ConfigMap.self, key) }
    #expect(error?.message.contains("/nowhere/token") == true)
  }

  /// A plugin that counts its runs in the file `count` and gives out a token with that number.
  private func counting(_ directory: TemporaryDirectory, expires: String = "") throws -> ExecPlugin {
    let expiry = expires.isEmpty ? "" : #","expirationTimestamp":"\#(expires)""#
    try directory.replace(
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
    let bench = try ClientBench(guarded("Bearer run-1"), credential: .exec(try counting(directory)))
    try await withThrowingTaskGroup(of: Bool.self) { group in
      for _ in 0..<10 { group.addTask { try await bench.client.get(ConfigMap.self, key) != nil } }
      for try await isFound in group { #expect(isFound) }
    }
    #expect(try SmallFile.read("\(directory.path)/count").count == 1)
  }

  @Test func runsAPluginAgainWhenRefused() async throws {
    let directory = try TemporaryDirectory()
    let bench = try ClientBench(guarded("Bearer run-2"), credential: .exec(try counting(directory)))
    #expect(try await bench.client.get(ConfigMap.self, key) != nil)
    #expect(try await bench.client.get(ConfigMap.self, key) != nil)
    #expect(try SmallFile.read("\(directory.path)/count").count == 2)
  }

  @Test func runsAPluginAgainWhenWhatItGaveExpires() async throws {
    let directory = try TemporaryDirectory()
    let plugin = try counting(directory, expires: "2020-01-01T00:00:00Z")
    let bench = try ClientBench(guarded("Bearer run-1"), credential: .exec(plugin))
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
    let bench = try ClientBench(credential: .exec(plugin))
    let error = await #expect(throws: KubeError.self) { try await bench.client.get(ConfigMap.self, key) }
    #expect(error?.message.contains("no-such-plugin") == true)
    #expect(error?.message.contains("Install it from example.com.") == true)
  }
}
