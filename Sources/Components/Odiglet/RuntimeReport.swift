import JSON
import OdigosObjects
import ProcessInspection

/// What was found in one container of one pod.
struct ContainerObservation: Sendable {
  var name: String
  /// The image that runs, as the pod's status names it.
  var image: String
  var inspection: ContainerInspection
  /// The captured variables that the image sets, or why the container runtime could not be asked for them.
  var imageVariables: Result<[CapturedVariable: String], ContainerRuntimeError>
}

/// What was found in one pod.
struct PodObservation: Sendable {
  /// `metadata.creationTimestamp` of the pod.
  var created: String
  /// All containers of the pod's manifest.
  var containerNames: [String]
  var containers: [ContainerObservation]
}

/// Joins what odiglets find to what has been recorded.
///
/// Every node's odiglet writes the same list, so joining must come to the same end in whatever order the nodes write,
/// and must not go back and forth: for one image, facts are only added; another image's replace them only when its pod
/// is the newer one. Image and pod are noted in the evidence.
enum RuntimeReport {
  private static let imagePrefix = "image "
  private static let podPrefix = "pod created "
  private static let alsoPrefix = "also "

  /// The recorded details with what was observed.
  static func joined(_ recorded: [RuntimeDetails], _ pods: [PodObservation]) -> [RuntimeDetails] {
    var result = recorded
    for pod in pods.sorted(by: { $0.created < $1.created }) {
      for container in pod.containers {
        let observed = details(container, pod)
        if let index = result.firstIndex(where: { $0.containerName == container.name }) {
          result[index] = joined(result[index], observed)
        } else {
          result.append(observed)
        }
      }
      result.removeAll { details in
        guard let name = details.containerName, !pod.containerNames.contains(name) else { return false }
        return created(details).map { $0 < pod.created } ?? true
      }
    }
    return result
  }

  /// Whether inspecting a container could add anything to what is recorded.
  static func isSettled(_ recorded: [RuntimeDetails], container: String, image: String, podCreated: String) -> Bool {
    guard let details = recorded.first(where: { $0.containerName == container }) else { return false }
    if let known = Self.image(details), known != image { return (created(details) ?? "") > podCreated }
    return details.language != RuntimeLanguage.unknown.rawValue && details.criErrorMessage == nil
      && Self.image(details) != nil
  }

  /// The condition that says how detection stands; nil while nothing is recorded.
  static func condition(_ details: [RuntimeDetails], now: String) -> Condition? {
    guard !details.isEmpty else { return nil }
    let hasSeveral = details.contains { $0.evidence.contains { $0.hasPrefix(alsoPrefix) } }
    let parts = details.map { details in
      let version = (details.runtimeVersion ?? "").isEmpty ? "" : " \(details.runtimeVersion ?? "")"
      return "\(details.containerName ?? ""): \(details.language ?? "")\(version)"
    }
    return Condition(
      type: RuntimeDetectionCondition.type, status: .yes,
      reason: hasSeveral ? RuntimeDetectionCondition.resolved : RuntimeDetectionCondition.detected,
      message: parts.joined(separator: ", "), now: now)
  }

  // MARK: One container

  private static func details(_ observation: ContainerObservation, _ pod: PodObservation) -> RuntimeDetails {
    let inspection = observation.inspection
    var details = RuntimeDetails()
    details.containerName = observation.name
    details.language = (inspection.runtime?.language ?? .unknown).rawValue
    if let version = inspection.runtime?.version, !version.isEmpty { details.runtimeVersion = version }
    details.libCType = inspection.cLibrary?.rawValue
    details.secureExecutionMode = inspection.isSecure
    if !inspection.environment.isEmpty { details.envVars = variables(inspection.environment) }
    switch observation.imageVariables {
    case .success(let found): if !found.isEmpty { details.envFromContainerRuntime = variables(found) }
    case .failure(let error): details.criErrorMessage = error.description
    }
    if !inspection.otherAgents.isEmpty {
      details.otherAgents = inspection.otherAgents.map { OtherAgent(json: ["name": .string($0)]) }
    }
    details.evidence =
      [imagePrefix + observation.image, podPrefix + pod.created] + (inspection.runtime?.evidence ?? [])
      + inspection.runtimes.dropFirst().map { runtime in
        let version = runtime.version.isEmpty ? "" : " \(runtime.version)"
        return "\(alsoPrefix)\(runtime.language.rawValue)\(version): \(runtime.evidence.first ?? "")"
      }
    if inspection.runtimes.isEmpty {
      let names = inspection.executables.prefix(8).joined(separator: ", ")
      details.evidence += ["no known language among: \(names.isEmpty ? "no process that could be read" : names)"]
    }
    return details
  }

  private static func joined(_ recorded: RuntimeDetails, _ observed: RuntimeDetails) -> RuntimeDetails {
    if let known = image(recorded), known != image(observed) {
      let order = (created(recorded) ?? "", known)
      return order < (created(observed) ?? "", image(observed) ?? "") ? observed : recorded
    }
    let unknown = RuntimeLanguage.unknown.rawValue
    if recorded.language == unknown || recorded.language == nil {
      return observed.language == unknown && image(recorded) != nil ? added(recorded, observed) : observed
    }
    // A report without image is by somebody else: taken over, and completed by the image.
    return observed.language == unknown ? recorded : added(recorded, observed)
  }

  private static func added(_ recorded: RuntimeDetails, _ observed: RuntimeDetails) -> RuntimeDetails {
    var result = recorded
    if (recorded.runtimeVersion ?? "").isEmpty, recorded.language == observed.language {
      if let version = observed.runtimeVersion { result.runtimeVersion = version }
    }
    result.libCType = recorded.libCType ?? observed.libCType
    if recorded.secureExecutionMode != true, let secure = observed.secureExecutionMode {
      result.secureExecutionMode = secure || recorded.secureExecutionMode == true
    }
    let names = recorded.envVars.map(\.name)
    let newVariables = observed.envVars.filter { !names.contains($0.name) }
    if !newVariables.isEmpty { result.envVars = recorded.envVars + newVariables }
    if recorded.criErrorMessage != nil, observed.criErrorMessage == nil {
      result.criErrorMessage = nil
      if !observed.envFromContainerRuntime.isEmpty {
        result.envFromContainerRuntime = observed.envFromContainerRuntime
      }
    }
    let agents = recorded.otherAgents.map(\.name)
    let newAgents = observed.otherAgents.filter { !agents.contains($0.name) }
    if !newAgents.isEmpty { result.otherAgents = recorded.otherAgents + newAgents }
    if image(recorded) == nil { result.evidence = observed.evidence + recorded.evidence }
    return result
  }

  private static func variables(_ values: [CapturedVariable: String]) -> [EnvironmentVariable] {
    CapturedVariable.allCases.compactMap { name in
      values[name].map { EnvironmentVariable(json: ["name": .string(name.rawValue), "value": .string($0)]) }
    }
  }

  private static func image(_ details: RuntimeDetails) -> String? { noted(imagePrefix, details) }
  private static func created(_ details: RuntimeDetails) -> String? { noted(podPrefix, details) }
  private static func noted(_ prefix: String, _ details: RuntimeDetails) -> String? {
    details.evidence.first { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
  }
}
