/// Every stable code that a decision gives as its reason. They appear in conditions, warnings, Events and the CLI.
public enum ReasonCode: String, Sendable, Hashable, CaseIterable {
  // Who is selected (condition MarkedForInstrumentation).
  case workloadSource = "WorkloadSource"
  case workloadLabel = "WorkloadLabel"
  case namespaceSource = "NamespaceSource"
  case namespaceLabel = "NamespaceLabel"
  case workloadSourceDisabled = "WorkloadSourceDisabled"
  case workloadLabelDisabled = "WorkloadLabelDisabled"
  case namespaceSourceDisabled = "NamespaceSourceDisabled"
  case noSource = "NoSource"
  case ignoredNamespace = "IgnoredNamespace"
  case conflictingSources = "ConflictingSources"
  case invalidSource = "InvalidSource"

  // Which agent, by container and by workload (condition AgentEnabled), lowest priority first.
  case enabledSuccessfully = "EnabledSuccessfully"
  case enabledWithOtherAgents = "EnabledWithOtherAgents"
  case runtimeDetailsUnavailable = "RuntimeDetailsUnavailable"
  case waitingForRuntimeInspection = "WaitingForRuntimeInspection"
  case waitingForNodeCollector = "WaitingForNodeCollector"
  case ignoredContainer = "IgnoredContainer"
  case noCollectedSignals = "NoCollectedSignals"
  case injectionConflict = "InjectionConflict"
  case unsupportedProgrammingLanguage = "UnsupportedProgrammingLanguage"
  case unsupportedRuntimeVersion = "UnsupportedRuntimeVersion"
  case noAvailableAgent = "NoAvailableAgent"
  case podNotChangeable = "PodNotChangeable"
  case missingDistroParameter = "MissingDistroParameter"
  case otherAgentDetected = "OtherAgentDetected"
  case readinessLost = "ReadinessLost"
  case imagePullBackOff = "ImagePullBackOff"
  case crashLoopBackOff = "CrashLoopBackOff"

  // Whether the workload restarts (condition WorkloadRollout).
  case rolloutTriggeredSuccessfully = "RolloutTriggeredSuccessfully"
  case previousRolloutOngoing = "PreviousRolloutOngoing"
  case rolloutDisabled = "Disabled"
  case waitingForRestart = "WaitingForRestart"
  case workloadNotSupporting = "WorkloadNotSupporting"
  case rolloutNotRequired = "NotRequired"
  case waitingInQueue = "WaitingInQueue"
  case rolloutFinished = "RolloutFinished"
  case failedToPatch = "FailedToPatch"

  // What is in the workload's pods (condition PodsManifestInjection).
  case noPods = "NoPods"
  case podsAppliedSuccessfully = "PodsAppliedSuccessfully"
  case podsManifestInjectionNotRequired = "PodsManifestInjectionNotRequired"
  case rolloutNotSupportedForStaticPods = "RolloutNotSupportedForStaticPods"
  case waitingForNextJobRun = "WaitingForNextJobRun"
  case rolloutInProgress = "RolloutInProgress"
  case waitingForAutomaticRollout = "WaitingForAutomaticRollout"
  case waitingInRolloutQueue = "WaitingInRolloutQueue"
  case restartRequiredAutoRolloutDisabled = "RestartRequiredAutoRolloutDisabled"
  case restartRequiredWebhookMissed = "RestartRequiredWebhookMissed"
  case restartRequiredAutoRolloutFailed = "RestartRequiredAutoRolloutFailed"
  case unmarkedFromOdigos = "UnmarkedFromOdigos"
  case notYetReconciled = "NotYetReconciled"

  // Whether an InstrumentationRule has an effect (condition Applied of the rule).
  case ruleApplied = "RuleApplied"
  case ruleDisabled = "RuleDisabled"
  case ruleWithoutEffect = "RuleWithoutEffect"
  case invalidRule = "InvalidRule"

  // What admission did with a pod.
  case injected = "Injected"
  case alreadyInjected = "AlreadyInjected"
  case noWorkload = "NoWorkload"
  case notInstrumented = "NotInstrumented"
  case injectionDisabled = "InjectionDisabled"
  case noServiceName = "NoServiceName"
  case unsupportedMountMethod = "UnsupportedMountMethod"
  case collectorAddressUnknown = "CollectorAddressUnknown"
  case malformedPod = "MalformedPod"
}

/// Why a decision is as it is: a stable code and a sentence for people.
public struct Reason: Error, Sendable, Hashable, CustomStringConvertible {
  /// The stable code.
  public var code: ReasonCode
  /// The sentence.
  public var message: String

  /// Makes a reason.
  public init(_ code: ReasonCode, _ message: String) {
    self.code = code
    self.message = message
  }

  /// `Code: sentence`.
  public var description: String { "\(code.rawValue): \(message)" }
}

/// What a decision comes to, as the status of a Kubernetes condition.
public enum Verdict: String, Sendable, Hashable {
  /// Yes.
  case positive = "True"
  /// No.
  case negative = "False"
  /// Not yet, or it cannot be said.
  case unknown = "Unknown"
}

extension ReasonCode {
  /// What a decision with this reason comes to.
  public var verdict: Verdict {
    switch self {
    case .workloadSource, .workloadLabel, .namespaceSource, .namespaceLabel, .enabledSuccessfully,
      .enabledWithOtherAgents, .ruleApplied, .rolloutTriggeredSuccessfully, .rolloutNotRequired, .rolloutFinished,
      .injected, .alreadyInjected, .podsAppliedSuccessfully, .podsManifestInjectionNotRequired:
      .positive
    case .runtimeDetailsUnavailable, .waitingForRuntimeInspection, .waitingForNodeCollector, .conflictingSources,
      .invalidSource, .previousRolloutOngoing, .waitingInQueue, .waitingForRestart, .noPods, .waitingForNextJobRun,
      .rolloutInProgress, .waitingForAutomaticRollout, .waitingInRolloutQueue, .unmarkedFromOdigos, .notYetReconciled:
      .unknown
    default: .negative
    }
  }

  /// How much the reason of one container counts for its workload; the highest one speaks for the workload.
  /// The order of declaration is the order of priority.
  var containerPriority: Int { Self.priorities[self] ?? 0 }

  private static let priorities: [ReasonCode: Int] = Dictionary(
    uniqueKeysWithValues: allCases.enumerated().map { ($1, $0) })
}
