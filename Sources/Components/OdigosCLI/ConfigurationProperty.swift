import JSON
import Policy
import YAML

/// A property that `odigos config set` knows: a key of the configuration under its command-line name.
struct ConfigurationProperty {
  /// The name on the command line.
  var name: String
  /// The key.
  var key: ConfigurationKey

  /// Its place in the configuration, members divided by dots.
  var path: String { key.path }

  /// The value that command-line arguments stand for.
  func parse(_ arguments: [String]) throws -> JSONValue {
    if case .list = key.form {
      return .array(arguments.flatMap { $0.split(separator: ",") }.map { .string(String($0)) })
    }
    if case .map = key.form {
      var object = JSONObject()
      for argument in arguments {
        guard let sign = argument.firstIndex(of: "=") else { throw failure("key=value …", argument) }
        object[String(argument[..<sign])] = .string(String(argument[argument.index(after: sign)...]))
      }
      return .object(object)
    }
    guard arguments.count == 1, let argument = arguments.first else {
      throw failure("one value", arguments.isEmpty ? "none" : arguments.joined(separator: " "))
    }
    switch key.form {
    case .bool:
      guard let value = Bool(argument) else { throw failure("true or false", argument) }
      return .bool(value)
    case .integer(let range):
      guard let value = Int(argument), range.contains(value) else {
        throw failure("a whole number from \(key.form.allowed)", argument)
      }
      return .int(value)
    case .choice(let allowed):
      guard allowed.contains(argument) else { throw failure(allowed.joined(separator: ", "), argument) }
      return .string(argument)
    case .duration:
      guard ConfigurationDuration(argument) != nil else { throw failure(key.form.allowed, argument) }
      return .string(argument)
    case .structure:
      guard let value = try? YAML.parse(Array(argument.utf8)) else { throw failure(key.form.allowed, argument) }
      return value
    case .text, .list, .map: return .string(argument)
    }
  }

  private func failure(_ wanted: String, _ got: String) -> CommandFailure {
    CommandFailure("\(name) takes \(wanted), not \(got)", next: "odigos config set \(name) VALUE")
  }

  /// The property of that name, which may also be the key itself.
  static func named(_ name: String) -> ConfigurationProperty? {
    all.first { $0.name == name } ?? all.first { $0.path == name } ?? furtherNames.first { $0.name == name }
  }

  /// Every property.
  static let all: [ConfigurationProperty] = OdigosConfiguration.keys.map { key in
    ConfigurationProperty(name: olderNames[key.path] ?? key.propertyName, key: key)
  }

  /// Names that the command has always had and that are not their keys'.
  private static let olderNames = [
    "rollbackDisabled": "instrumentation-auto-rollback-disabled",
    "rollbackGraceTime": "instrumentation-auto-rollback-grace-time",
    "rollbackStabilityWindow": "instrumentation-auto-rollback-stability-window",
    "rollout.automaticRolloutDisabled": "automatic-rollout-disabled",
  ]

  /// Other names that the command has had: those of keys that have another name, too, and of a group as a whole.
  static let furtherNames: [ConfigurationProperty] =
    [
      ("service-graph-disabled", "collectorGateway.serviceGraph.disabled"),
      ("enable-data-compression", "collectorNode.otlpExporterConfiguration.enableDataCompression"),
      ("container-runtime-socket-path", "customContainerRuntimeSocketPath"),
      ("k8s-node-logs-directory", "collectorNode.k8sNodeLogsDirectory"),
    ].compactMap { name, path in
      OdigosConfiguration.keys.first { $0.path == path }.map { ConfigurationProperty(name: name, key: $0) }
    } + [
      ConfigurationProperty(
        name: "user-instrumentation-envs",
        key: ConfigurationKey(
          path: "userInstrumentationEnvs",
          form: .structure(#"JSON such as {"languages": {"java": {"enabled": true, "env": {"NAME": "value"}}}}"#),
          defaultValue: .null, summary: "Variables that instrumented containers get, by language.", hasEffect: true))
    ]

  /// The list for `--help`.
  static var help: String {
    (all + furtherNames).map { property in
      let standard = property.key.defaultText.isEmpty ? "" : ", default \(property.key.defaultText)"
      let effect = property.key.hasEffect ? "" : " (nothing acts on it yet)"
      return "  \(property.name)\n      \(property.key.summary)\(effect)\n"
        + "      \(property.key.form.name): \(property.key.form.allowed)\(standard)"
    }.joined(separator: "\n")
  }
}
