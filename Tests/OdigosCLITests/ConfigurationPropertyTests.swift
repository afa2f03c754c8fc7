import JSON
import Testing

@testable import OdigosCLI

@Suite struct ConfigurationPropertyTests {
  static let accepted: [(String, [String], JSONValue)] = [
    ("telemetry-enabled", ["true"], true),
    ("ui-pagination-limit", ["50"], 50),
    ("cluster-name", ["blue"], "blue"),
    ("mount-method", ["k8s-host-path"], "k8s-host-path"),
    ("ignored-containers", ["istio-proxy,vault-agent", "x"], ["istio-proxy", "vault-agent", "x"]),
    ("ignored-namespaces", [], []),
    ("rollout.maxConcurrentRollouts", ["3"], 3),
    ("rollout-max-concurrent-rollouts", ["3"], 3),
    ("instrumentation-auto-rollback-grace-time", ["90s"], "90s"),
    ("collector-gateway-request-memory-mib", ["100"], 100),
    ("trace-id-suffix", ["0f"], "0f"),
    ("node-selector", ["kubernetes.io/os=linux", "zone="], ["kubernetes.io/os": "linux", "zone": ""]),
  ]

  @Test(arguments: accepted) func readsValues(name: String, arguments: [String], expected: JSONValue) throws {
    let property = try #require(ConfigurationProperty.named(name))
    #expect(try property.parse(arguments) == expected)
  }

  static let refused: [(String, [String], String)] = [
    ("telemetry-enabled", ["yes"], "true or false"),
    ("ui-pagination-limit", ["many"], "a whole number"),
    ("mount-method", ["hostpath"], "k8s-virtual-device, k8s-host-path"),
    ("ui-pagination-limit", ["-3"], "0 to 100000"),
    ("instrumentation-auto-rollback-grace-time", ["soon"], "such as 30s"),
    ("cluster-name", [], "one value"),
    ("cluster-name", ["a", "b"], "one value"),
    ("node-selector", ["linux"], "key=value"),
  ]

  @Test(arguments: refused) func namesWhatWouldBeRight(name: String, arguments: [String], expected: String) throws {
    let property = try #require(ConfigurationProperty.all.first { $0.name == name })
    let failure = #expect(throws: CommandFailure.self) { try property.parse(arguments) }
    #expect(failure?.description.contains(expected) == true)
    #expect(failure?.description.contains(name) == true)
  }

  /// The names that the command has had from its beginning.
  @Test(arguments: [
    "telemetry-enabled", "openshift-enabled", "psp", "skip-webhook-issuer-creation", "allow-concurrent-agents",
    "karpenter-enabled", "instrumentation-auto-rollback-disabled", "instrumentation-auto-rollback-stability-window",
    "automatic-rollout-disabled", "mount-method", "agent-env-vars-injection-method", "image-prefix", "collector-image",
    "cluster-name", "ui-mode", "ui-pagination-limit", "ui-remote-url", "central-backend-url",
    "custom-container-runtime-socket-path", "node-selector", "ignored-namespaces", "ignored-containers",
  ]) func namesStay(_ name: String) {
    #expect(ConfigurationProperty.named(name)?.name == name)
    #expect(ConfigurationProperty.help.contains("  \(name)\n"))
  }

  @Test func namesAreUnique() {
    #expect(Set(ConfigurationProperty.all.map(\.name)).count == ConfigurationProperty.all.count)
  }
}
