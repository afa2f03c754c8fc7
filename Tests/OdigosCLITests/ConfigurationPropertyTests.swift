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
    ("node-selector", ["kubernetes.io/os=linux", "zone="], ["kubernetes.io/os": "linux", "zone": ""]),
  ]

  @Test(arguments: accepted) func readsValues(name: String, arguments: [String], expected: JSONValue) throws {
    let property = try #require(ConfigurationProperty.all.first { $0.name == name })
    #expect(try property.parse(arguments) == expected)
  }

  static let refused: [(String, [String], String)] = [
    ("telemetry-enabled", ["yes"], "true or false"),
    ("ui-pagination-limit", ["many"], "a whole number"),
    ("mount-method", ["hostpath"], "k8s-virtual-device, k8s-host-path"),
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
}
