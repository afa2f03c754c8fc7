import JSON
import TestSupport

@testable import KubeClient

/// A scripted server and a client of it.
struct ClientBench {
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

/// Parts of scripts about ConfigMaps of the namespace `n`.
enum ConfigMapScript {
  static let path = "/api/v1/namespaces/n/configmaps"

  static func object(_ name: String, version: String = "1") -> String {
    #"{"metadata":{"name":"\#(name)","namespace":"n","resourceVersion":"\#(version)"}}"#
  }

  static func page(_ names: [String], version: String, next: String = "") -> String {
    let items = names.map { object($0) }.joined(separator: ",")
    return #"{"body":{"metadata":{"resourceVersion":"\#(version)","continue":"\#(next)"},"items":[\#(items)]}}"#
  }

  static let expired =
    #"{"status":410,"body":{"kind":"Status","code":410,"reason":"Expired","message":"the token is too old"}}"#
}
