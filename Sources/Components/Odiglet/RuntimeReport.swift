import JSON
import OdigosObjects
import ProcessInspection

/// What was found in one container of one pod.
struct ContainerObservation: Sendable {
  var name: String
  /// The image that runs, as the pod's status names it.
  var image: String
  /// A fingerprint of its command; "" where it is not known.
  var command = ""
  /// A fingerprint of the variables of its manifest that matter; "" where it is not known.
  var environment = ""
  /// Its id; "" where it is not known.
  var containerID = ""
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
/// and must not go back and forth. Of one program (image and command) in one environment (the variables of the manifest
/// that matter) the facts of the newest pod count (`united`); those of another one replace them only when its pod is the
/// newer one. Of the languages that are seen in one program, the one with the highest rank is the container's, and the
/// others are kept as evidence; a container may take back what it said itself, since it may have become something else.
/// What it was until then does not count for the next containers of the program, until it is more than a script that
/// runs for a while. Program, environment, pod and container are noted in the evidence.
enum RuntimeReport {
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
        return details.podCreated.map { $0 < pod.created } ?? true
      }
    }
    return result
  }

  /// Whether inspecting a container for the first time could add anything to what is recorded.
  static func isSettled(_ recorded: [RuntimeDetails], _ container: NodePod.Container, podCreated: String) -> Bool {
    guard let details = recorded.first(where: { $0.containerName == container.name }), let image = details.image else {
      return false
    }
    let isSame =
      image == container.image && (details.command ?? container.command) == container.command
      && (details.environment ?? container.environment) == container.environment
    guard isSame else { return (details.podCreated ?? "") > podCreated }
    return details.language != RuntimeLanguage.unknown.rawValue && details.criErrorMessage == nil
      && details.standing >= .running && !details.hasSeveralLanguages
      && !(details.hasWhatCanGo && RuntimeDetails.minute(podCreated) > RuntimeDetails.minute(details.podCreated ?? ""))
  }

  /// Whether what a pod with one container shows is more than a passing look at a program of which other is known.
  static func isNew(_ pod: PodObservation, beside recorded: [RuntimeDetails]) -> Bool {
    pod.containers.allSatisfy { container in
      guard let known = recorded.first(where: { $0.containerName == container.name }), isKnown(known) else {
        return true
      }
      let observed = details(container, pod)
      return !known.isSameProgram(observed) || known.language == observed.language
    }
  }

  /// The condition that says how detection stands; nil while nothing is recorded.
  static func condition(_ details: [RuntimeDetails], now: String) -> Condition? {
    guard !details.isEmpty else { return nil }
    let hasSeveral = details.contains(where: \.hasSeveralLanguages)
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
    // A value that is not known whole cannot be appended to; the field says that, and keeps manifests as they are.
    if !inspection.oversizedVariables.isEmpty, details.criErrorMessage == nil {
      details.criErrorMessage =
        RuntimeDetails.processError + "\(inspection.oversizedVariables.joined(separator: ", ")) is too long"
    }
    if !inspection.otherAgents.isEmpty {
      details.otherAgents = inspection.otherAgents.map { OtherAgent(json: ["name": .string($0)]) }
    }
    details.evidence = RuntimeDetails.evidence(observation, podCreated: pod.created)
    return details
  }

  private static func joined(_ recorded: RuntimeDetails, _ observed: RuntimeDetails) -> RuntimeDetails {
    guard recorded.image != nil else { return completed(recorded, observed) }
    if !recorded.isSameProgram(observed) { return age(recorded) < age(observed) ? observed : recorded }
    if !recorded.hasSameEnvironment(observed) { return withEnvironment(of: observed, recorded) }
    let isOfOneContainer = observed.containerID != nil && observed.containerID == recorded.containerID
    guard isKnown(observed) else {
      guard isKnown(recorded) else { return united(recorded, observed) }
      // It has become nothing that we know, for long enough to be told.
      return isOfOneContainer ? following(recorded, observed) : recorded
    }
    guard isKnown(recorded) else {
      let isBack = recorded.earlier.contains(observed.language ?? "") && !observed.isProven
      return isBack ? recorded : following(recorded, observed)
    }
    guard recorded.language != observed.language else { return united(recorded, observed) }
    guard replaces(observed, recorded) else {
      var result = recorded
      result.addEvidence(of: observed)
      return result
    }
    if isOfOneContainer, !observed.tells(of: recorded.language ?? "") { return following(recorded, observed) }
    var result = observed
    result.addEvidence(of: recorded)
    return result
  }

  /// A report without image is by somebody else: taken over where it knows the language, and completed by the image.
  private static func completed(_ recorded: RuntimeDetails, _ observed: RuntimeDetails) -> RuntimeDetails {
    guard isKnown(recorded) else { return observed }
    return isKnown(observed) ? united(recorded, observed) : recorded
  }

  private static func isKnown(_ details: RuntimeDetails) -> Bool {
    details.language != nil && details.language != RuntimeLanguage.unknown.rawValue
  }

  /// What the same program has become.
  private static func following(_ recorded: RuntimeDetails, _ observed: RuntimeDetails) -> RuntimeDetails {
    var result = observed
    result.addFormer(recorded)
    return result
  }

  /// The same program with other variables: the newer pod's count, once it has come as far as the older one.
  private static func withEnvironment(of observed: RuntimeDetails, _ recorded: RuntimeDetails) -> RuntimeDetails {
    guard age(recorded) < age(observed), isKnown(observed) || !isKnown(recorded) else { return recorded }
    if recorded.language != observed.language, isKnown(recorded), !observed.isProven {
      let isBack = recorded.earlier.contains(observed.language ?? "")
      if isBack || rank(observed) < rank(recorded) { return recorded }
    }
    var result = observed
    result.addEarlier(of: recorded)
    return result
  }

  /// Of different programs the newer pod's counts.
  private static func age(_ details: RuntimeDetails) -> (String, String, String, String) {
    (details.podCreated ?? "", details.image ?? "", details.command ?? "", details.environment ?? "")
  }

  /// Whether the language of one observation replaces that of another of the same program.
  private static func replaces(_ new: RuntimeDetails, _ old: RuntimeDetails) -> Bool {
    let isBack = old.earlier.contains(new.language ?? "") && !new.isProven
    let (newRank, oldRank) = (isBack ? 0 : rank(new), rank(old))
    if !isBack, new.containerID != nil, new.containerID == old.containerID {
      let hasBecomeAnother = new.standing >= .running && !new.tells(of: old.language ?? "")
      if newRank == oldRank || hasBecomeAnother { return true }
    }
    return (oldRank, old.podCreated ?? "", old.language ?? "") < (newRank, new.podCreated ?? "", new.language ?? "")
  }

  private static func rank(_ details: RuntimeDetails) -> Int {
    (details.language.flatMap(RuntimeLanguage.init(rawValue:)) ?? .unknown).rank(details.standing)
  }

  private static func variables(_ values: [CapturedVariable: String]) -> [EnvironmentVariable] {
    CapturedVariable.allCases.compactMap { name in
      values[name].map { EnvironmentVariable(json: ["name": .string(name.rawValue), "value": .string($0)]) }
    }
  }
}
