import Foundation
import JSON
import KubeClient
import TestSupport

/// An API server that is a script: a cluster by the items of its collections; only the writes that are named succeed.
final class ScriptedCluster {
  let client: KubeClient
  private let server: ScriptedServer

  /// - Parameters:
  ///   - lists: the items by the paths of their collections.
  ///   - writes: "METHOD path" of what is accepted.
  ///   - selects: whether lists are selected from by label.
  ///   - answers: other answers, as the scripted server takes them.
  init(
    _ lists: [String: [JSONValue]], writes: [String] = [], selects: Bool = false,
    answers: [String: JSONValue] = [:]
  ) throws {
    server = try ScriptedServer()
    var script: JSONValue = [:]
    for (path, items) in lists {
      script["GET \(path)"] = [
        ["body": ["metadata": ["resourceVersion": "1"], "items": .array(items)], "select": .bool(selects)]
      ]
      for item in items {
        guard let name = item.at("metadata", "name")?.string else { continue }
        script["GET \(path)/\(name)"] = [["body": item]]
      }
    }
    for line in writes { script[line] = [["body": [:]]] }
    for (line, steps) in answers { script[line] = steps }
    try server.play(String(decoding: script.serialized(), as: UTF8.self))
    client = KubeClient(ClusterAccess(server: "http://127.0.0.1:\(server.port)", origin: "the test"))
  }

  /// What was written so far: "METHOD path" and the body.
  func writes() async throws -> [(line: String, body: JSONValue)] {
    let log = try await client.raw("/_log")["requests"]?.array ?? []
    return log.filter { $0["method"]?.string != "GET" }.map { entry in
      let body = (entry["body"]?.string).flatMap { try? JSONValue(parsing: Array($0.utf8)) }
      return ("\(entry["method"]?.string ?? "") \(entry["path"]?.string ?? "")", body ?? .null)
    }
  }

  /// Runs something with the path of a kubeconfig file that leads here.
  func withConfiguration(_ body: (String) async throws -> Void) async throws {
    let path = NSTemporaryDirectory() + "odigos-cli-test-\(server.port).yaml"
    let text = """
      apiVersion: v1
      kind: Config
      current-context: test
      contexts: [{name: test, context: {cluster: test, user: test}}]
      clusters: [{name: test, cluster: {server: "http://127.0.0.1:\(server.port)"}}]
      users: [{name: test, user: {}}]
      """
    try Data(text.utf8).write(to: URL(filePath: path))
    defer { try? FileManager.default.removeItem(atPath: path) }
    try await body(path)
  }
}
