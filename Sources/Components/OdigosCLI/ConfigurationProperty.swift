import JSON

/// A property that `odigos config set` knows: its command-line name, where it is in the configuration, its form.
struct ConfigurationProperty {
  /// How its values are written.
  enum Form {
    case bool, int, string, list, map
    case oneOf([String])
  }

  /// The name on the command line.
  var name: String
  /// Its place in the configuration, members divided by dots.
  var path: String
  /// How its values are written.
  var form: Form

  /// The value that command-line arguments stand for.
  func parse(_ arguments: [String]) throws -> JSONValue {
    if case .list = form { return .array(arguments.flatMap { $0.split(separator: ",") }.map { .string(String($0)) }) }
    if case .map = form {
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
    switch form {
    case .bool:
      guard let value = Bool(argument) else { throw failure("true or false", argument) }
      return .bool(value)
    case .int:
      guard let value = Int(argument) else { throw failure("a whole number", argument) }
      return .int(value)
    case .oneOf(let allowed):
      guard allowed.contains(argument) else { throw failure(allowed.joined(separator: ", "), argument) }
      return .string(argument)
    case .string, .list, .map: return .string(argument)
    }
  }

  private func failure(_ wanted: String, _ got: String) -> CommandFailure {
    CommandFailure("\(name) takes \(wanted), not \(got)", next: "odigos config set \(name) VALUE")
  }

  /// Every property.
  static let all: [ConfigurationProperty] = [
    .init(name: "telemetry-enabled", path: "telemetryEnabled", form: .bool),
    .init(name: "openshift-enabled", path: "openshiftEnabled", form: .bool),
    .init(name: "psp", path: "psp", form: .bool),
    .init(name: "skip-webhook-issuer-creation", path: "skipWebhookIssuerCreation", form: .bool),
    .init(name: "allow-concurrent-agents", path: "allowConcurrentAgents", form: .bool),
    .init(name: "karpenter-enabled", path: "karpenterEnabled", form: .bool),
    .init(name: "instrumentation-auto-rollback-disabled", path: "rollbackDisabled", form: .bool),
    .init(name: "instrumentation-auto-rollback-grace-time", path: "rollbackGraceTime", form: .string),
    .init(name: "instrumentation-auto-rollback-stability-window", path: "rollbackStabilityWindow", form: .string),
    .init(name: "automatic-rollout-disabled", path: "rollout.automaticRolloutDisabled", form: .bool),
    .init(name: "mount-method", path: "mountMethod", form: .oneOf(["k8s-virtual-device", "k8s-host-path"])),
    .init(
      name: "agent-env-vars-injection-method", path: "agentEnvVarsInjectionMethod",
      form: .oneOf(["loader", "pod-manifest", "loader-fallback-to-pod-manifest"])),
    .init(name: "image-prefix", path: "imagePrefix", form: .string),
    .init(name: "collector-image", path: "collectorImage", form: .string),
    .init(name: "cluster-name", path: "clusterName", form: .string),
    .init(name: "ui-mode", path: "uiMode", form: .oneOf(["default", "readonly"])),
    .init(name: "ui-pagination-limit", path: "uiPaginationLimit", form: .int),
    .init(name: "ui-remote-url", path: "uiRemoteUrl", form: .string),
    .init(name: "central-backend-url", path: "centralBackendURL", form: .string),
    .init(name: "custom-container-runtime-socket-path", path: "customContainerRuntimeSocketPath", form: .string),
    .init(name: "node-selector", path: "nodeSelector", form: .map),
    .init(name: "ignored-namespaces", path: "ignoredNamespaces", form: .list),
    .init(name: "ignored-containers", path: "ignoredContainers", form: .list),
  ]
}
