import Foundation
import JSON
import Testing
import YAML

/// Settings of the system for the time of a test.
enum Setting {
  /// On `odigos-config`, from before a test changes it until that is undone: what it said before. Whatever becomes of the
  /// test, or of its process, the next one finds it.
  static let noteOfBefore = "e2e.odigos.io/before"

  private static let name = "odigos-config"
  private static let key = "config.yaml"

  /// A setting by the command-line tool.
  ///
  /// - Parameters:
  ///   - shown: what the effective configuration says then, without blanks and quotes.
  static func with(_ property: String, _ value: String, shownAs shown: String, _ body: () async throws -> Void)
    async throws
  {
    try await preserved {
      try Cluster.odigos("config", "set", property, value)
      try await waitUntilShown(shown)
      try await body()
    }
  }

  /// Other settings of `odigos-config`, each a key and its value as YAML on one line.
  ///
  /// - Parameters:
  ///   - shown: what the effective configuration says then, without blanks and quotes.
  static func with(
    _ settings: KeyValuePairs<String, String>, shownAs shown: String, _ body: () async throws -> Void
  ) async throws {
    try await preserved {
      var configuration = try YAML.parse(Array(try written().utf8))
      for (key, value) in settings { configuration[key] = try YAML.parse(Array(value.utf8)) }
      try write(configuration)
      try await waitUntilShown(shown)
      try await body()
    }
  }

  /// Runs a body that changes the configuration, and puts back what it said.
  static func preserved(_ body: () async throws -> Void) async throws {
    let before = try written()
    let isOutermost = try note() == nil
    try await undoing {
      try await putBack(before, isOutermost: isOutermost)
    } after: {
      if isOutermost { try mark(.string(before)) }
      try await body()
    }
  }

  /// Puts back what a test has left that did not come to its end.
  static func putBackLeftover() async throws {
    if let before = try note() { try await putBack(before, isOutermost: true) }
  }

  /// Waits until the latest configuration is the one in force.
  static func waitUntilInForce() async throws {
    try await eventually("the configuration in force") {
      let (wanted, found) = (try version(of: try written()), try version(of: try effective()))
      return wanted == found ? nil : "version \(found), not \(wanted)"
    }
  }

  /// Waits until the effective configuration says something; `shown` is without blanks and quotes.
  static func waitUntilShown(_ shown: String) async throws {
    try await waitUntilInForce()
    try await eventually("\(shown) in force") {
      let text = try effective().filter { !" \"'".contains($0) }
      return text.contains(shown) ? nil : text
    }
  }

  private static func putBack(_ text: String, isOutermost: Bool) async throws {
    try write(try YAML.parse(Array(text.utf8)))
    try await waitUntilInForce()
    if isOutermost { try mark(.null) }
  }

  /// Writes a configuration, under a version of its own: by that one sees when it is in force.
  private static func write(_ configuration: JSONValue) throws {
    var configuration = configuration
    configuration["configVersion"] = .int(try version(of: try written()) + 1)
    try patch(["data": .object([key: .string(YAML.serialize(configuration))])])
  }

  private static func mark(_ before: JSONValue) throws {
    try patch(["metadata": ["annotations": .object([noteOfBefore: before])]])
  }

  private static func patch(_ patch: JSONValue) throws {
    try Cluster.kubectl(
      "patch", "configmap", name, "-n", Cluster.systemNamespace, "--type=merge", "-p",
      String(decoding: patch.serialized(), as: UTF8.self))
  }

  private static func note() throws -> String? {
    try Cluster.get("configmap", name, in: Cluster.systemNamespace)?.at("metadata", "annotations", noteOfBefore)?.string
  }

  private static func version(of configuration: String) throws -> Int {
    try YAML.parse(Array(configuration.utf8))["configVersion"]?.int ?? 0
  }

  private static func written() throws -> String { try text(of: name) }
  private static func effective() throws -> String { try text(of: "effective-config") }

  private static func text(of configMap: String) throws -> String {
    let object = try Cluster.get("configmap", configMap, in: Cluster.systemNamespace)
    guard let text = object?.at("data", key)?.string else {
      throw Cluster.Failure(description: "there is no ConfigMap \(configMap) with \(key)")
    }
    return text
  }
}
