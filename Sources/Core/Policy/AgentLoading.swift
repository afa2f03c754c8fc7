import JSON

/// What a pod template says of one container's variables.
public struct ContainerTemplate: Sendable, Hashable {
  /// The container.
  public var name: String
  /// Its variables with literal values; nil for one that comes from elsewhere. Of several of one name the last counts.
  public var variables: [String: String?]
  /// Whether further variables come from ConfigMaps or Secrets as a whole.
  public var hasEnvFrom: Bool

  /// Gathers what is said.
  public init(name: String, variables: [String: String?] = [:], hasEnvFrom: Bool = false) {
    self.name = name
    self.variables = variables
    self.hasEnvFrom = hasEnvFrom
  }

  /// Reads an element of `spec.containers`; nil without a name.
  public init?(json: JSONValue) {
    guard let name = json["name"]?.string else { return nil }
    var variables: [String: String?] = [:]
    for entry in json["env"]?.array ?? [] {
      guard let variable = entry["name"]?.string else { continue }
      let value: String? = entry["valueFrom"]?.object == nil ? entry["value"]?.string ?? "" : nil
      variables.updateValue(value, forKey: variable)
    }
    self.init(name: name, variables: variables, hasEnvFrom: json["envFrom"]?.array?.isEmpty == false)
  }
}

/// How the agent of one container is loaded: by the loader, or by variables of the pod.
struct AgentLoading {
  enum Outcome {
    /// The agent needs no variable.
    case nothing
    case loader
    /// By variables, with what people should know about it.
    case podManifest(remark: String?)
    case impossible(Reason)
  }

  var distribution: Distribution
  var details: RuntimeFacts
  /// What the pod template says, where it is known.
  var template: ContainerTemplate?
  var method: EnvironmentInjectionMethod
  var inventory: AgentInventory
  var parameters: [String: String]

  func decide() -> Outcome {
    guard distribution.needsEnvironment else { return .nothing }
    if method != .podManifest, distribution.capabilities.contains(.loader) {
      guard let obstacle = obstacleToLoader else { return .loader }
      if method == .loader {
        let text =
          "The configuration asks for the loader (agentEnvVarsInjectionMethod: loader), but \(obstacle). Set it to "
          + "loader-fallback-to-pod-manifest or pod-manifest."
        return .impossible(Reason(.injectionConflict, text))
      }
    }
    if let message = details.criErrorMessage {
      let text = "The image's variables, to which ours are appended, could not be read: \(message)"
      return .impossible(Reason(.missingDistroParameter, text))
    }
    let taken = takenVariables
    if !taken.isEmpty {
      let text =
        "The container sets \(taken.joined(separator: ", ")) itself, which \(distribution.name) needs for its own. "
        + "Remove what sets it there to have this agent."
      return .impossible(Reason(.injectionConflict, text))
    }
    return .podManifest(remark: remark)
  }

  /// Why the loader cannot be used, as the middle of a sentence.
  private var obstacleToLoader: String? {
    if !inventory.hasLoader {
      return "the nodes do not have the loader"
        + (inventory.missing[OdigosPath.loaderDirectory].map { " (\($0))" } ?? "")
    }
    switch details.secureExecutionMode {
    case nil: return "it is not known whether the process runs in secure-execution mode, which ignores the loader"
    case true?: return "the process runs in secure-execution mode, which ignores the loader"
    case false?: break
    }
    let name = OdigosEnvironment.preload
    let places: [(String, Bool)] = [
      ("the process", details.envVars.contains { $0.name == name }),
      ("the image", details.envFromContainerRuntime.contains { $0.name == name }),
      ("the pod", template?.variables[name].map { $0 != OdigosPath.loader } ?? false),
    ]
    return places.first(where: \.1).map { "\(name) is set in \($0.0) already" }
  }

  /// The variables that the agent needs with its own value and that have another one.
  private var takenVariables: [String] {
    distribution.fixedVariables.filter { variable in
      guard variable.isRequired else { return false }
      let ours = Distribution.resolve(variable.value, parameters)
      func isOther(_ value: String) -> Bool { value != ours && !value.contains(OdigosPath.agentsPrefix) }
      if let declared = template?.variables[variable.name] { return declared.map(isOther) ?? true }
      return (details.envVars + details.envFromContainerRuntime).contains {
        $0.name == variable.name && isOther($0.value)
      }
    }.map(\.name)
  }

  /// Variables that the container's own start-up computes: in the process, but neither in the pod nor in the image.
  private var remark: String? {
    guard let template, !template.hasEnvFrom else { return nil }
    let computed = distribution.appendedVariables.map(\.name).filter { name in
      template.variables[name] == nil && details.envVars.contains { $0.name == name }
        && !details.envFromContainerRuntime.contains { $0.name == name }
    }
    if computed.isEmpty { return nil }
    return
      "\(computed.joined(separator: ", ")) is set by the container's own start-up (the process has it, but neither the "
      + "pod nor the image): the agent is loaded only if that keeps what the variable had before, which nothing but the "
      + "loader could do without."
  }
}

extension Distribution {
  /// Whether the agent is loaded by variables.
  var needsEnvironment: Bool { !appendedVariables.isEmpty }

  /// The parameters that are known of a process.
  func parameters(from details: RuntimeFacts) -> [String: String] {
    var parameters: [String: String] = [:]
    parameters["LIBC_TYPE"] = details.libCType
    let numbers = details.runtimeVersion.split(separator: ".").prefix(2)
    if numbers.count == 2, numbers.allSatisfy({ Int($0) != nil }) {
      parameters["RUNTIME_VERSION_MAJOR_MINOR"] = numbers.joined(separator: ".")
    }
    return parameters
  }
}
