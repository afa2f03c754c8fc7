import JSON
import KubeClient
import Policy
import Testing
import YAML

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
    (
      "user-instrumentation-envs", [#"{"languages": {"java": {"enabled": true, "env": {"A": "b"}}}}"#],
      ["languages": ["java": ["enabled": true, "env": ["A": "b"]]]]
    ), ("enable-data-compression", ["true"], true), ("service-graph-disabled", ["true"], true),
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
    "custom-container-runtime-socket-path", "service-graph-disabled", "enable-data-compression",
    "container-runtime-socket-path", "k8s-node-logs-directory", "user-instrumentation-envs", "node-selector",
    "ignored-namespaces", "ignored-containers",
  ]) func namesStay(_ name: String) {
    #expect(ConfigurationProperty.named(name)?.name == name)
    #expect(ConfigurationProperty.help.contains("  \(name)\n"))
  }

  /// What a name sets is something that the configuration has.
  @Test(arguments: ConfigurationProperty.furtherNames.map(\.path)) func furtherNamesLeadSomewhere(_ path: String) {
    #expect(OdigosConfiguration.keys.contains { $0.path == path || $0.path.hasPrefix("\(path).") })
  }

  private static let map = "/api/v1/namespaces/odigos-system/configmaps/odigos-config"
  private static func stored(_ version: String, _ text: String) -> JSONValue {
    [
      "body": [
        "metadata": ["name": "odigos-config", "namespace": "odigos-system", "resourceVersion": .string(version)],
        "data": ["config.yaml": .string(text)],
      ]
    ]
  }

  /// Of two that change the configuration at once none may lose what the other has set.
  @Test func aChangeThatIsOvertakenIsMadeAgain() async throws {
    let cluster = try ScriptedCluster(
      [:],
      answers: [
        "GET \(Self.map)": [Self.stored("1", "profiles: [a]"), Self.stored("2", "profiles: [a, b]")],
        "PATCH \(Self.map)": [["status": 409], ["body": [:]]],
      ])
    defer { cluster.client.shutdown() }
    try await ConfigurationStore(client: cluster.client, namespace: "odigos-system").change { configuration in
      let names = ConfigurationStore.profiles(in: configuration)
      configuration["profiles"] = .array((names + ["c"]).map { .string($0) })
    }
    let bodies = try await cluster.writes().map(\.body)
    #expect(bodies.map { $0.at("metadata", "resourceVersion") } == ["1", "2"])
    let text = try #require(bodies.last?.at("data", "config.yaml")?.string)
    #expect(try YAML.parse(Array(text.utf8))["profiles"] == ["a", "b", "c"])
  }

  @Test func profilesThatAreIgnoredAreTold() async throws {
    let cluster = try ScriptedCluster([:], answers: ["GET \(Self.map)": [Self.stored("1", "profiles: [semconv]")]])
    defer { cluster.client.shutdown() }
    let store = ConfigurationStore(client: cluster.client, namespace: "odigos-system")
    let problems = try await store.profileProblems()
    #expect(problems.count == 1 && problems.first?.contains("collectorImage") == true, "\(problems)")
  }

  @Test func namesAreUnique() {
    let names = (ConfigurationProperty.all + ConfigurationProperty.furtherNames).map(\.name)
    #expect(Set(names).count == names.count && ConfigurationProperty.furtherNames.count == 5)
  }
}
