import JSON

/// The language of a process, as runtime detection reports it.
public enum ProgrammingLanguage: String, Sendable, Hashable, CaseIterable {
  case java, python, go, dotnet, javascript, php, ruby, rust, cplusplus, mysql, nginx, redis, postgres
  case unknown, ignored
  /// Every language: a distribution that does not depend on it.
  case any = "*"
}

/// A variable by name and value.
public struct NamedValue: Sendable, Hashable {
  /// The name.
  public var name: String
  /// The value.
  public var value: String
  /// Makes one.
  public init(name: String, value: String) {
    self.name = name
    self.value = value
  }
  /// Reads `{name, value}`.
  init?(json: JSONValue) {
    guard let name = json["name"]?.string else { return nil }
    self.init(name: name, value: json["value"]?.string ?? "")
  }
  /// `{name, value}`.
  var json: JSONValue { ["name": .string(name), "value": .string(value)] }
}

/// What the node agent saw in one container: an entry of `status.runtimeDetailsByContainer` of an
/// InstrumentationConfig, or `runtimeInfo` of a container override.
public struct RuntimeFacts: Sendable, Hashable {
  /// The container.
  public var containerName: String
  /// The language of its process.
  public var language: ProgrammingLanguage
  /// The version of the runtime, "" where it could not be found.
  public var runtimeVersion: String
  /// `glibc` or `musl`, where it matters and was found.
  public var libCType: String?
  /// Whether the process runs in secure-execution mode, where the loader has no effect.
  public var secureExecutionMode: Bool?
  /// The variables of the process that concern agents.
  public var envVars: [NamedValue]
  /// The variables that come from the image.
  public var envFromContainerRuntime: [NamedValue]
  /// The names of agents of others.
  public var otherAgents: [String]
  /// Why the container runtime could not be asked for the image's variables.
  public var criErrorMessage: String?
  /// Whether a process was looked at, so that a variable that is not named is not there. Somebody who describes a
  /// container by hand leaves them out.
  public var isObserved = true

  /// Makes the details of a container.
  public init(
    containerName: String, language: ProgrammingLanguage, runtimeVersion: String = "", libCType: String? = nil,
    secureExecutionMode: Bool? = nil, envVars: [NamedValue] = [], envFromContainerRuntime: [NamedValue] = [],
    otherAgents: [String] = [], criErrorMessage: String? = nil
  ) {
    self.containerName = containerName
    self.language = language
    self.runtimeVersion = runtimeVersion
    self.libCType = libCType
    self.secureExecutionMode = secureExecutionMode
    self.envVars = envVars
    self.envFromContainerRuntime = envFromContainerRuntime
    self.otherAgents = otherAgents
    self.criErrorMessage = criErrorMessage
  }

  /// Reads the details as the InstrumentationConfig has them, also with the single `otherAgent` of the older
  /// generation; nil without a container name.
  public init?(json: JSONValue) {
    guard let name = json["containerName"]?.string, !name.isEmpty else { return nil }
    var agents = json["otherAgents"]?.array?.compactMap { $0["name"]?.string } ?? []
    if let single = json.at("otherAgent", "name")?.string, !agents.contains(single) { agents.append(single) }
    self.init(
      containerName: name,
      language: json["language"]?.string.flatMap(ProgrammingLanguage.init(rawValue:)) ?? .unknown,
      runtimeVersion: json["runtimeVersion"]?.string ?? "", libCType: json["libCType"]?.string,
      secureExecutionMode: json["secureExecutionMode"]?.bool,
      envVars: json["envVars"]?.array?.compactMap(NamedValue.init(json:)) ?? [],
      envFromContainerRuntime: json["envFromContainerRuntime"]?.array?.compactMap(NamedValue.init(json:)) ?? [],
      otherAgents: agents.filter { !$0.isEmpty },
      criErrorMessage: json["criErrorMessage"]?.string.flatMap { $0.isEmpty ? nil : $0 })
  }

  /// The details as the InstrumentationConfig has them.
  public var json: JSONValue {
    var value: JSONValue = ["containerName": .string(containerName), "language": .string(language.rawValue)]
    if !runtimeVersion.isEmpty { value["runtimeVersion"] = .string(runtimeVersion) }
    value["libCType"] = libCType.map { .string($0) }
    value["secureExecutionMode"] = secureExecutionMode.map { .bool($0) }
    if !envVars.isEmpty { value["envVars"] = .array(envVars.map(\.json)) }
    if !envFromContainerRuntime.isEmpty {
      value["envFromContainerRuntime"] = .array(envFromContainerRuntime.map(\.json))
    }
    if !otherAgents.isEmpty { value["otherAgents"] = .array(otherAgents.map { ["name": .string($0)] }) }
    value["criErrorMessage"] = criErrorMessage.map { .string($0) }
    return value
  }
}

/// What a Source says about one container beside what was detected.
public struct ContainerOverrideFacts: Sendable, Hashable {
  /// The container.
  public var containerName: String
  /// The distribution to use.
  public var distributionName: String?
  /// Whether agents of others may run beside ours.
  public var allowConcurrentAgents: Bool?
  /// Taken instead of what was detected.
  public var runtimeInfo: RuntimeFacts?

  /// Makes an override.
  public init(
    containerName: String, distributionName: String? = nil, allowConcurrentAgents: Bool? = nil,
    runtimeInfo: RuntimeFacts? = nil
  ) {
    self.containerName = containerName
    self.distributionName = distributionName
    self.allowConcurrentAgents = allowConcurrentAgents
    self.runtimeInfo = runtimeInfo
  }

  /// Reads an entry of `containerOverrides`; nil without a container name.
  public init?(json: JSONValue) {
    guard let name = json["containerName"]?.string, !name.isEmpty else { return nil }
    var runtime = json["runtimeInfo"]
    // The name inside is required by the schema but says nothing new; an entry without it still counts.
    if runtime?.object != nil { runtime?["containerName"] = .string(name) }
    self.init(
      containerName: name, distributionName: json["otelDistroName"]?.string.flatMap { $0.isEmpty ? nil : $0 },
      allowConcurrentAgents: json["allowConcurrentAgents"]?.bool, runtimeInfo: runtime.flatMap(RuntimeFacts.init))
    runtimeInfo?.isObserved = false
  }

  /// What counts for the container: what the override says, completed by what was seen of the process's variables.
  func details(seen: RuntimeFacts?) -> RuntimeFacts? {
    guard var details = runtimeInfo else { return seen }
    if let seen, details.envVars.isEmpty, details.envFromContainerRuntime.isEmpty {
      details.envVars = seen.envVars
      details.envFromContainerRuntime = seen.envFromContainerRuntime
      details.criErrorMessage = details.criErrorMessage ?? seen.criErrorMessage
      details.secureExecutionMode = details.secureExecutionMode ?? seen.secureExecutionMode
      details.isObserved = seen.isObserved
    }
    return details
  }

  /// The entry as Sources and InstrumentationConfigs have it.
  public var json: JSONValue {
    var value: JSONValue = ["containerName": .string(containerName)]
    value["otelDistroName"] = distributionName.map { .string($0) }
    value["allowConcurrentAgents"] = allowConcurrentAgents.map { .bool($0) }
    value["runtimeInfo"] = runtimeInfo?.json
    return value
  }
}
