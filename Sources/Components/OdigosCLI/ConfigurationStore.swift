import JSON
import KubeClient
import KubeObjects
import Policy
import YAML

/// The user's configuration: ConfigMap `odigos-config` (or `odigos-configuration`, as later versions name it).
struct ConfigurationStore {
  static let names = ["odigos-config", "odigos-configuration"]
  static let key = "config.yaml"

  var client: KubeClient
  var namespace: String

  func exists() async throws -> Bool { try await find() != nil }

  /// The configuration; empty when there is none.
  func read() async throws -> JSONValue {
    guard let object = try await find(), let text = object.json.at("data", Self.key)?.string else { return [:] }
    let value = try YAML.parse(Array(text.utf8))
    return value.isNull ? [:] : value
  }

  /// Sets keys (nil removes one), counts `configVersion` up, and writes it; a change that makes an error is refused.
  func change(_ changes: [(key: String, value: JSONValue?)]) async throws {
    guard let object = try await find() else {
      throw CommandFailure("there is no ConfigMap odigos-config in \(namespace)", next: "run `odigos install`")
    }
    var configuration = try await read()
    // What was wrong before must not keep anybody from mending it value by value.
    let before = Set(OdigosConfiguration.parse(configuration).problems)
    for change in changes { configuration.set(change.key.split(separator: ".").map(String.init), change.value) }
    configuration["configVersion"] = .int((configuration["configVersion"]?.int ?? 0) + 1)
    let problems = OdigosConfiguration.parse(configuration).problems.filter {
      $0.severity == .error && !before.contains($0)
    }
    if let first = problems.first {
      throw CommandFailure(
        "the configuration would be invalid: \(first)", next: "nothing was changed; give another value")
    }
    let patch: JSONValue = ["data": [Self.key: .string(YAML.serialize(configuration))]]
    _ = try await client.patch(ConfigMap.type, object.key, .merge, patch, fieldManager: Installer.fieldManager)
  }

  private func find() async throws -> ConfigMap? {
    for name in Self.names {
      if let found = try await client.get(ConfigMap.self, ObjectKey(namespace: namespace, name: name)) { return found }
    }
    return nil
  }
}

extension ConfigurationStore {
  /// The profiles that the installed configuration turns on.
  static func profiles(_ client: KubeClient) async throws -> [String] {
    let system = try await InstalledSystem.require(client)
    let configuration = try await ConfigurationStore(client: client, namespace: system.namespace).read()
    return configuration["profiles"]?.array?.compactMap(\.string) ?? []
  }

  /// Sets the profiles that are on.
  static func set(profiles: [String], _ client: KubeClient) async throws {
    let system = try await InstalledSystem.require(client)
    let value: JSONValue = .array(profiles.map { .string($0) })
    try await ConfigurationStore(client: client, namespace: system.namespace).change([("profiles", value)])
  }
}
