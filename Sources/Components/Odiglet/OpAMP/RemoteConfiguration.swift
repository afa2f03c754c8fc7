import JSON
import KubeObjects
import OdigosObjects
import OpAMP
import Policy

/// What an agent is told to do, made of its workload's InstrumentationConfig.
///
/// The sections are those of the reference, of both generations: `container_config` is the container's entry;
/// `SDK` has the signals and resource attributes, `InstrumentationLibraries` the libraries whose spans are wanted or
/// not, and the section without a name the entry of the language among the `sdkConfigs`.
enum RemoteConfiguration {
  /// The names of the sections.
  enum Section {
    static let sdk = "SDK"
    static let libraries = "InstrumentationLibraries"
    static let language = ""
    static let container = "container_config"
  }

  private static let contentType = "application/json"

  /// Makes the configuration; nil where nothing is said about the container.
  static func make(
    _ config: InstrumentationConfig, pod: AgentPod, container: String, language: String?
  ) -> RemoteConfig? {
    guard
      let entry = config.json.at("spec", "containers")?.array?.first(where: { $0["containerName"]?.string == container }
      )
    else { return nil }
    let wanted = programmingLanguage(language, entry)
    let sdkConfig = config.json.at("spec", "sdkConfigs")?.array?.first { $0["language"]?.string == wanted }
    let bodies: [(String, JSONValue)] = [
      (Section.language, sdkConfig ?? ["language": .string(wanted)]),
      (Section.libraries, libraries(entry, sdkConfig)),
      (Section.sdk, sdk(config, entry, pod: pod, container: container)),
      (Section.container, entry),
    ]
    var result = RemoteConfig()
    var digested: [UInt8] = []
    for (name, body) in bodies.sorted(by: { $0.0 < $1.0 }) {
      let bytes = body.canonicallySerialized()
      digested += bytes
      result.config.sections[name] = ConfigSection(body: bytes, contentType: contentType)
    }
    result.hash = SHA256.digest(of: digested)
    return result
  }

  /// Our name of the language, by OpenTelemetry's, or by the distribution where the agent does not say it.
  private static func programmingLanguage(_ language: String?, _ entry: JSONValue) -> String {
    if let language { return language == "nodejs" ? ProgrammingLanguage.javascript.rawValue : language }
    let distribution = entry["otelDistroName"]?.string.flatMap(Distributions.named)
    return distribution?.language.rawValue ?? ProgrammingLanguage.unknown.rawValue
  }

  private static func sdk(
    _ config: InstrumentationConfig, _ entry: JSONValue, pod: AgentPod, container: String
  ) -> JSONValue {
    func signal(_ name: String) -> JSONValue {
      ["enabled": .bool(entry["agentEnabled"]?.bool != false && entry[name] != nil), "defaultEnabledValue": true]
    }
    var attributes: [(String, String)] = [
      ("k8s.namespace.name", pod.key.namespace), ("k8s.pod.name", pod.key.name), ("k8s.container.name", container),
    ]
    if let workload = pod.workload {
      attributes.append(("odigos.workload.kind", workload.kind.rawValue))
      attributes.append(("odigos.workload.name", workload.name))
    }
    if let name = config.spec.serviceName, !name.isEmpty { attributes.append(("service.name", name)) }
    return [
      "remoteResourceAttributes": .array(attributes.map { ["key": .string($0.0), "value": .string($0.1)] }),
      "traceSignal": signal("traces"), "metricsSignal": signal("metrics"), "logsSignal": signal("logs"),
    ]
  }

  /// Each library once; one that is turned off anywhere is off.
  private static func libraries(_ entry: JSONValue, _ sdkConfig: JSONValue?) -> JSONValue {
    var enabled: [String: Bool] = [:]
    let verbosity = entry.at("traces", "traceVerbosity")
    for (list, isEnabled) in [("enabledLibraries", true), ("disabledLibraries", false)] {
      for library in verbosity?[list]?.array ?? [] {
        if let name = library["libraryName"]?.string { enabled[name] = isEnabled }
      }
    }
    for library in sdkConfig?["instrumentationLibraryConfigs"]?.array ?? [] {
      guard let name = library.at("libraryId", "libraryName")?.string,
        let isEnabled = library.at("traceConfig", "enabled")?.bool
      else { continue }
      enabled[name] = isEnabled && enabled[name] != false
    }
    let sorted = enabled.sorted { $0.key < $1.key }
    return .array(sorted.map { ["name": .string($0.key), "traces": ["enabled": .bool($0.value)]] })
  }

  /// What has to be kept of an InstrumentationConfig for `make`, beside what others keep of it.
  static func kept(_ config: InstrumentationConfig, beside kept: InstrumentationConfig) -> InstrumentationConfig {
    var kept = kept
    for path in [["spec", "serviceName"], ["spec", "sdkConfigs"]] {
      if let value = config.json.at(path) { kept.json.set(path, value) }
    }
    if let containers = config.json.at("spec", "containers")?.array {
      // Sentences for people are no matter for agents, and change with releases.
      let entries = containers.map { entry -> JSONValue in
        var entry = entry
        entry["agentEnabledMessage"] = nil
        return entry
      }
      kept.json.set(["spec", "containers"], .array(entries))
    }
    return kept
  }
}
