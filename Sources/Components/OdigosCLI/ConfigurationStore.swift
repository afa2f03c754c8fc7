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
    try await find().map(Self.settings) ?? [:]
  }

  /// Sets keys (nil removes one), counts `configVersion` up, and writes it; a change that makes an error is refused.
  func change(_ changes: [(key: String, value: JSONValue?)]) async throws {
    try await change { configuration in
      for change in changes { configuration.set(change.key.split(separator: ".").map(String.init), change.value) }
    }
  }

  /// As above, for changes that depend on what is set. They are made again where somebody else has changed the
  /// configuration meanwhile.
  func change(_ body: (inout JSONValue) throws -> Void) async throws {
    var attempts = 5
    while true {
      attempts -= 1
      do { return try await changeOnce(body) } catch let error as KubeError {
        guard error.status == 409, attempts > 0 else { throw error }
      }
    }
  }

  private func changeOnce(_ body: (inout JSONValue) throws -> Void) async throws {
    guard let object = try await find() else {
      throw CommandFailure("there is no ConfigMap odigos-config in \(namespace)", next: "run `odigos install`")
    }
    var configuration = try Self.settings(object)
    // What was wrong before must not keep anybody from mending it value by value.
    let before = Set(OdigosConfiguration.parse(configuration).problems)
    try body(&configuration)
    configuration["configVersion"] = .int((configuration["configVersion"]?.int ?? 0) + 1)
    let problems = OdigosConfiguration.parse(configuration).problems.filter {
      $0.severity == .error && !before.contains($0)
    }
    if let first = problems.first {
      throw CommandFailure(
        "the configuration would be invalid: \(first)", next: "nothing was changed; give another value")
    }
    var patch: JSONValue = ["data": [Self.key: .string(YAML.serialize(configuration))]]
    patch.set(["metadata", "resourceVersion"], object.json.at("metadata", "resourceVersion"))
    _ = try await client.patch(ConfigMap.type, object.key, .merge, patch, fieldManager: Installer.fieldManager)
  }

  private static func settings(_ object: ConfigMap) throws -> JSONValue {
    guard let text = object.json.at("data", Self.key)?.string else { return [:] }
    let value = try YAML.parse(Array(text.utf8))
    return value.isNull ? [:] : value
  }

  private func find() async throws -> ConfigMap? {
    for name in Self.names {
      if let found = try await client.get(ConfigMap.self, ObjectKey(namespace: namespace, name: name)) { return found }
    }
    return nil
  }
}

extension ConfigurationStore {
  /// The store of the system that is installed.
  static func installed(_ client: KubeClient) async throws -> ConfigurationStore {
    ConfigurationStore(client: client, namespace: try await InstalledSystem.require(client).namespace)
  }

  /// The profiles that are on.
  func profiles() async throws -> [String] { Self.profiles(in: try await read()) }

  /// The profiles that a configuration turns on.
  static func profiles(in configuration: JSONValue) -> [String] {
    configuration["profiles"]?.array?.compactMap(\.string) ?? []
  }

  /// Which of the profiles that are on do nothing, and why, as sentences.
  func profileProblems() async throws -> [String] {
    EffectiveConfiguration.resolve(user: try await read(), ownNamespace: namespace).problems
      .filter { $0.key == "profiles" }.map(\.message)
  }
}
