import JSON
import KubeObjects
import Policy
import Testing

/// What holds while the effective configuration is broken.
@Suite struct LastGoodConfigurationTests {
  private struct NoYAML: Error, CustomStringConvertible { let description = "line 1: nonsense" }

  /// A ConfigMap with that text, which is JSON here: what parses it is given.
  private func content(_ text: String?, exists: Bool = true) -> LastGoodConfiguration.Content {
    var map = ConfigMap(name: "effective-config", namespace: "odigos-system")
    if let text { map.json["data"] = ["config.yaml": .string(text)] }
    return LastGoodConfiguration.Content(exists ? map : nil) { bytes in
      guard let json = try? JSONValue(parsing: bytes) else { throw NoYAML() }
      return json
    }
  }

  private static let broken: [(text: String?, exists: Bool, problem: String)] = [
    ("{", true, "no YAML: line 1: nonsense"), ("[1]", true, "expected an object"), (nil, true, "no key config.yaml"),
    ("null", true, "empty"), (nil, false, "gone"),
  ]

  @Test(arguments: broken) func theLastGoodOneStays(_ text: String?, _ exists: Bool, _ problem: String) {
    var configuration = LastGoodConfiguration()
    #expect(configuration.read(content(#"{"mountMethod": "k8s-host-path"}"#)) == nil)
    #expect(configuration.problem == nil)
    let told = configuration.read(content(text, exists: exists))
    #expect(
      told?.contains(problem) == true && told?.contains("the last good one stays") == true, "\(told ?? "nothing")")
    #expect(configuration.configuration?.mountMethod == .hostPath)
    #expect(configuration.read(content(text, exists: exists)) == nil, "it is told once")
    #expect(configuration.problem == told)
    #expect(configuration.read(content(#"{"mountMethod": "k8s-init-container"}"#)) == nil)
    #expect(configuration.problem == nil && configuration.configuration?.mountMethod == .initContainer)
  }

  @Test(arguments: broken) func atTheStartThereIsNoneToKeep(_ text: String?, _ exists: Bool, _ problem: String) {
    var configuration = LastGoodConfiguration()
    let told = configuration.read(content(text, exists: exists))
    #expect(told?.contains(exists ? "there was no good one before" : "there is none yet") == true)
    #expect(configuration.configuration == nil && configuration.isAwaited == !exists)
  }

  @Test func aWrongValueCostsOnlyItself() {
    var configuration = LastGoodConfiguration()
    _ = configuration.read(content(#"{"mountMethod": "k8s-host-path", "clusterName": "a"}"#))
    let told = configuration.read(content(#"{"mountMethod": "magic", "clusterName": "b"}"#))
    #expect(told?.contains("mountMethod") == true)
    #expect(configuration.configuration?.mountMethod == .hostPath && configuration.configuration?.clusterName == "b")
    var fresh = LastGoodConfiguration()
    _ = fresh.read(content(#"{"mountMethod": "magic"}"#))
    #expect(fresh.configuration?.mountMethod == .virtualDevice, "its default, where there was no good value")
  }
}
