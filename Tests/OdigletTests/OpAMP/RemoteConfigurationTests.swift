import JSON
import KubeObjects
import OdigosObjects
import OpAMP
import Testing

@testable import Odiglet

struct RemoteConfigurationTests {
  static let config: JSONValue =
    (try? JSONValue(
      parsing: """
        {"metadata": {"name": "statefulset-web", "namespace": "shop", "resourceVersion": "3"},
         "spec": {
           "serviceName": "shop-web", "agentsMetaHash": "x",
           "containers": [
             {"containerName": "side", "agentEnabled": false},
             {"containerName": "app", "agentEnabled": true, "agentEnabledMessage": "words",
              "otelDistroName": "python-community",
              "traces": {
                "headSampling": {"fallbackFraction": 0.25},
                "traceVerbosity": {
                  "enabledLibraries": [{"Language": "python", "libraryName": "flask"}],
                  "disabledLibraries": [{"Language": "python", "libraryName": "redis"}]}},
              "metrics": {}}],
           "sdkConfigs": [
             {"language": "java"},
             {"language": "python", "codeAttributes": {"column": true},
              "instrumentationLibraryConfigs": [
                {"libraryId": {"libraryName": "flask"}, "traceConfig": {"enabled": false}},
                {"libraryId": {"libraryName": "redis"}, "traceConfig": {"enabled": true}},
                {"libraryId": {"libraryName": "urllib"}}]}]},
         "status": {"runtimeDetailsByContainer": []}}
        """)) ?? .null

  private static func made(
    _ json: JSONValue = config, container: String = "app", language: String? = "python"
  ) -> RemoteConfig? {
    let config = InstrumentationConfig(json: json)
    let kept = RemoteConfiguration.kept(config, beside: RuntimeInspector.trimmed(config))
    let pod = AgentPod(NodeFixture.pod("web-1", uid: "u", containers: ["app": nil]))
    return RemoteConfiguration.make(kept, pod: pod, container: container, language: language)
  }

  private static func section(_ config: RemoteConfig?, _ name: String) -> JSONValue? {
    guard let body = config?.config.sections[name]?.body else { return nil }
    return try? JSONValue(parsing: String(decoding: body, as: UTF8.self))
  }

  @Test func sectionsAreThoseOfTheReference() throws {
    let config = try #require(Self.made())
    #expect(Set(config.config.sections.keys) == ["", "SDK", "InstrumentationLibraries", "container_config"])
    #expect(config.config.sections.values.allSatisfy { $0.contentType == "application/json" })
    #expect(config.hash.count == 32)
    let container = Self.section(config, "container_config")
    #expect(container?["containerName"] == "app")
    #expect(container?.at("traces", "headSampling", "fallbackFraction")?.double == 0.25)
    #expect(container?["agentEnabledMessage"] == nil)
    let sdk = Self.section(config, "SDK")
    #expect(sdk?.at("traceSignal", "enabled")?.bool == true)
    #expect(sdk?.at("metricsSignal", "enabled")?.bool == true)
    #expect(sdk?.at("logsSignal", "enabled")?.bool == false)
    let attributes = sdk?["remoteResourceAttributes"]?.array ?? []
    #expect(attributes.contains(["key": "service.name", "value": "shop-web"]))
    #expect(attributes.contains(["key": "odigos.workload.name", "value": "web"]))
    #expect(Self.section(config, "")?.at("codeAttributes", "column")?.bool == true)
  }

  @Test func aLibraryThatIsOffAnywhereIsOff() {
    #expect(
      Self.section(Self.made(), "InstrumentationLibraries") == [
        ["name": "flask", "traces": ["enabled": false]], ["name": "redis", "traces": ["enabled": false]],
      ])
  }

  @Test(arguments: [("python", "python"), ("nodejs", "javascript"), ("java", "java"), (nil, "python")])
  func theSectionOfTheLanguageIsTheAgents(language: String?, expected: String) {
    #expect(Self.section(Self.made(language: language), "")?["language"]?.string == expected)
  }

  @Test func theHashFollowsTheContentAndNothingElse() {
    var other = Self.config
    other.set(["metadata", "resourceVersion"], "4")
    other.set(["spec", "agentsMetaHash"], "y")
    #expect(Self.made(other) == Self.made())
    other.set(["spec", "serviceName"], "renamed")
    #expect(Self.made(other)?.hash != Self.made()?.hash)
  }

  @Test func nothingIsSaidOfAContainerThatIsNotThere() {
    #expect(Self.made(container: "new") == nil)
    #expect(Self.made(["metadata": ["name": "x", "namespace": "y"]]) == nil)
  }

  @Test func aContainerWithoutAnAgentSendsNothing() {
    let sdk = Self.section(Self.made(container: "side"), "SDK")
    for signal in ["traceSignal", "metricsSignal", "logsSignal"] {
      #expect(sdk?.at(signal, "enabled")?.bool == false)
    }
  }
}
