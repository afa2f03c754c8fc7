import KubeClient
import OdigosObjects
import ProcessInspection

extension RuntimeReport {
  /// The facts of two looks at one program in one environment: the variables of the process, secure execution, the
  /// agents of others.
  ///
  /// They may differ though image, command and manifest are the same: a ConfigMap has other contents, an agent of the
  /// node came or went, nodes are not alike. So the facts of the newest pod count, of those that run for a while. What
  /// must not be is that pods of one rollout take each other's facts back in turn, since each change may restart them:
  ///
  /// - Pods that were created in the same minute count as one; their facts are added together.
  /// - An agent of others stays known until pods are more than 10 minutes younger than the last one that had it: of
  ///   nodes that are not alike, the first pod of a rollout shows only one.
  ///
  /// Both make the end independent of the order in which nodes write, and there is at most one write a minute. Pods that
  /// have only just started, and those in which nothing is known, are not even noted where their facts are the same.
  static func united(_ recorded: RuntimeDetails, _ observed: RuntimeDetails) -> RuntimeDetails {
    let (old, new) = (recorded.weight, observed.weight)
    let isOfOneTime = recorded.podCreated == nil || old == new
    let isReplaced =
      !isOfOneTime && old < new
      && (observed.isEstablished || recorded.isEstablished || !observed.hasSameFacts(recorded))
    var result = isReplaced ? observed : recorded
    let other = isReplaced ? recorded : observed
    if (result.runtimeVersion ?? "").isEmpty, result.language == other.language, let version = other.runtimeVersion {
      result.runtimeVersion = version
    }
    result.libCType = result.libCType ?? other.libCType
    result.takeImageVariables(of: other)
    if isOfOneTime, other.secureExecutionMode == true {
      result.secureExecutionMode = true
    } else {
      result.secureExecutionMode = result.secureExecutionMode ?? other.secureExecutionMode
    }
    if isOfOneTime { result.addVariables(of: other) }
    result.addEvidence(of: other)
    result.setAgents(recorded.agentSightings.merging(observed.agentSightings) { max($0, $1) })
    return result
  }
}

extension RuntimeDetails {
  /// What the message begins with when it is about a value of the process, not about the container runtime.
  static let processError = "the process's "

  /// How long an agent of others is not taken back: minutes between the creations of pods.
  private static let agentMinutes = 10

  /// Whether there is something that pods of the same program need not have.
  var hasWhatCanGo: Bool { !envVars.isEmpty || !otherAgents.isEmpty || secureExecutionMode == true }

  /// The minute of a time in RFC 3339, in the order of the times.
  static func minute(_ time: String) -> Substring { time.prefix("2026-01-01T00:00".count) }

  /// Whose facts count before those of others: of programs that run for a while, then of newer pods.
  fileprivate var weight: (Int, Substring) { (standing >= .running ? 1 : 0, Self.minute(podCreated ?? "")) }

  /// Whether it is a language that runs for a while.
  fileprivate var isEstablished: Bool { standing >= .running && language != RuntimeLanguage.unknown.rawValue }

  fileprivate func hasSameFacts(_ other: RuntimeDetails) -> Bool {
    envVars == other.envVars && otherAgents == other.otherAgents && secureExecutionMode == other.secureExecutionMode
  }

  /// What an image sets is the same in all pods. What is said of the process's own values stays this pod's.
  fileprivate mutating func takeImageVariables(of other: RuntimeDetails) {
    guard let message = criErrorMessage, !message.hasPrefix(Self.processError), other.criErrorMessage == nil
    else { return }
    criErrorMessage = nil
    if !other.envFromContainerRuntime.isEmpty { envFromContainerRuntime = other.envFromContainerRuntime }
  }

  /// Adds the variables of a pod of the same time; of two values the same one wins in whatever order they come.
  fileprivate mutating func addVariables(of other: RuntimeDetails) {
    guard !other.envVars.isEmpty else { return }
    var values: [String: String] = [:]
    for variable in envVars + other.envVars {
      guard let name = variable.name, let value = variable.value else { continue }
      values[name] = values[name].map { max($0, value) } ?? value
    }
    let known = CapturedVariable.allCases.map(\.rawValue).filter { values[$0] != nil }
    let names = known + values.keys.filter { !known.contains($0) }.sorted()
    envVars = names.map { EnvironmentVariable(json: ["name": .string($0), "value": .string(values[$0] ?? "")]) }
  }

  /// When the newest pods were created in which the agents were seen.
  fileprivate var agentSightings: [String: String] {
    var sightings = notedSightings
    for name in otherAgents.compactMap(\.name) where sightings[name] == nil { sightings[name] = podCreated ?? "" }
    return sightings
  }

  /// Takes the agents that were seen in pods as young as this one or not much older.
  fileprivate mutating func setAgents(_ sightings: [String: String]) {
    let kept = sightings.filter { isRecent($0.value) }
    let names = Set(kept.keys)
    if names != Set(otherAgents.compactMap(\.name)) {
      otherAgents = names.sorted().map { OtherAgent(json: ["name": .string($0)]) }
      if names.isEmpty { json["otherAgents"] = nil }
    }
    noteSightings(kept.filter { $0.value != podCreated && !$0.value.isEmpty })
  }

  private func isRecent(_ sighting: String) -> Bool {
    func minutes(_ time: String) -> Int? { KubeTime("\(Self.minute(time)):00Z").map { $0.microseconds / 60_000_000 } }
    guard let mine = podCreated.flatMap(minutes), let sighting = minutes(sighting) else { return true }
    return mine - sighting <= Self.agentMinutes
  }
}
