import Foundation
import JSON
import Testing

/// A setting of the system for the time of a test.
enum Setting {
  /// - Parameters:
  ///   - shown: what the effective configuration says then, without blanks and quotes.
  static func with(_ property: String, _ value: String, shownAs shown: String, _ body: () async throws -> Void)
    async throws
  {
    let before = try effective()
    try Cluster.odigos("config", "set", property, value)
    try await eventually("\(property) in force") { try effective().contains(shown) ? nil : "not yet" }
    let result: Result<Void, any Error>
    do { result = .success(try await body()) } catch { result = .failure(error) }
    let key = shown.prefix { $0 != ":" }
    let old = before.range(of: "\(key):").map { before[$0.upperBound...].prefix { !",}\n".contains($0) } } ?? ""
    try Cluster.odigos("config", "set", property, old.isEmpty ? "false" : String(old))
    try await eventually("\(property) as before") { try effective().contains("\(key):\(old)") ? nil : "not yet" }
    try result.get()
  }

  /// Other settings of `odigos-config`, each a key and its value as YAML on one line, for the time of a test.
  ///
  /// - Parameters:
  ///   - shown: what the effective configuration says then, without blanks and quotes.
  static func with(
    _ settings: KeyValuePairs<String, String>, shownAs shown: String, _ body: () async throws -> Void
  ) async throws {
    let before = try Cluster.get("configmap", "odigos-config", in: Cluster.systemNamespace)?["data"] ?? [:]
    var lines = (before["config.yaml"]?.string ?? "").split(separator: "\n").map(String.init)
    for (key, value) in settings {
      if let start = lines.firstIndex(where: { $0.hasPrefix("\(key):") }) {
        let end = lines[(start + 1)...].firstIndex { !$0.hasPrefix(" ") && !$0.hasPrefix("-") } ?? lines.endIndex
        lines.removeSubrange(start..<end)
      }
      lines.append("\(key): \(value)")
    }
    try write(["config.yaml": .string(lines.joined(separator: "\n") + "\n")])
    let result: Result<Void, any Error>
    do {
      try await eventually("\(shown) in force") { try effective().contains(shown) ? nil : try effective() }
      result = .success(try await body())
    } catch {
      result = .failure(error)
    }
    try write(before)
    try await eventually("the settings as before") { try effective().contains(shown) ? "not yet" : nil }
    try result.get()
  }

  private static func write(_ data: JSONValue) throws {
    let patch: JSONValue = ["data": data]
    try Cluster.kubectl(
      "patch", "configmap", "odigos-config", "-n", Cluster.systemNamespace, "--type=merge", "-p",
      String(decoding: patch.serialized(), as: UTF8.self))
  }

  private static func effective() throws -> String {
    let map = try Cluster.get("configmap", "effective-config", in: Cluster.systemNamespace)
    let text = map?.at("data", "config.yaml")?.string ?? ""
    return text.filter { !" \"'".contains($0) }
  }
}
