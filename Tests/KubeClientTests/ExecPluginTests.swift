import JSON
import Testing

@testable import KubeClient

private func plugin(_ fields: JSONValue = [:]) throws -> ExecPlugin {
  var value: JSONValue = ["command": "plugin", "apiVersion": "client.authentication.k8s.io/v1"]
  for (name, field) in fields.object ?? [:] { value[name] = field }
  return try ExecPlugin(value, directory: "/dir", place: "user", cluster: ["server": "https://x"])
}

@Suite struct ExecPluginTests {
  @Test(arguments: [("plugin", "plugin"), ("bin/plugin", "/dir/bin/plugin"), ("/bin/plugin", "/bin/plugin")])
  func findsTheProgram(_ command: String, _ found: String) throws {
    #expect(try plugin(["command": .string(command)]).command == found)
  }

  @Test func tellsOfTheClusterWhereAskedTo() throws {
    let quiet = try JSONValue(parsing: plugin().info(isInteractive: false))
    #expect(quiet["apiVersion"]?.string == "client.authentication.k8s.io/v1")
    #expect(quiet["spec"] == ["interactive": false])
    let told = try JSONValue(parsing: plugin(["provideClusterInfo": true]).info(isInteractive: true))
    #expect(told["spec"] == ["interactive": true, "cluster": ["server": "https://x"]])
  }

  @Test func readsACredential() throws {
    let text = """
      {"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"t",
       "clientCertificateData":"C","clientKeyData":"K","expirationTimestamp":"2023-11-14T22:13:20Z"}}
      """
    let credential = try plugin().credential(Array(text.utf8))
    #expect(credential.token == "t")
    #expect(credential.clientCertificatePEM == [0x43])
    #expect(credential.clientKeyPEM == [0x4B])
    #expect(credential.expires?.microseconds == 1_700_000_000_000_000)
  }

  @Test(arguments: [
    ("", "did not write an ExecCredential"),
    (#"{"kind":"Status"}"#, "did not write an ExecCredential"),
    (#"{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1beta1"}"#, "instead of"),
    (#"{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1"}"#, "neither a token nor"),
    (
      #"{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":{"clientKeyData":"k"}}"#,
      "not both"
    ),
    (
      #"{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":{"expirationTimestamp":"x"}}"#,
      "is no time"
    ),
  ])
  func saysWhatIsWrong(_ output: String, _ words: String) {
    let error = #expect(throws: KubeError.self) { try plugin().credential(Array(output.utf8)) }
    #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
  }
}

@Suite struct ChildProcessTests {
  private func run(_ command: String, _ arguments: [String], _ variables: [String: String] = ["PATH": "/bin:/usr/bin"])
    async -> Result<ChildProcess.Outcome, ChildProcess.Failure>
  {
    await ChildProcess.run(command, arguments, environment: variables, sharesInput: false, timeout: .seconds(30))
  }

  @Test func collectsOutputAndStatus() async throws {
    let outcome = try await run("sh", ["-c", "echo \"$X\"; cat; exit 3"], ["X": "y", "PATH": "/bin"]).get()
    #expect(outcome.output == Array("y\n".utf8))
    #expect(outcome.status == 3)
    #expect(try await run("sh", ["-c", "kill -9 $$"]).get().status == 137)
  }

  @Test func aMissingProgramIsSaidToBeMissing() async throws {
    let failure = await #expect(throws: ChildProcess.Failure.self) {
      try await run("no-such-program-anywhere", []).get()
    }
    #expect(failure?.isMissing == true)
  }

  @Test func endsProgramsThatTakeTooLongOrWriteTooMuch() async throws {
    let slow = await ChildProcess.run(
      "sleep", ["1000"], environment: ["PATH": "/bin:/usr/bin"], sharesInput: false, timeout: .milliseconds(50))
    #expect(throws: ChildProcess.Failure.self) { try slow.get() }
    await #expect(throws: ChildProcess.Failure.self) { try await run("cat", ["/dev/zero"]).get() }
  }

  @Test func knowsItsOwnEnvironment() { #expect(ChildProcess.ownEnvironment()["PATH"]?.isEmpty == false) }
}
