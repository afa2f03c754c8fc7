/// What a reason code means and what to do about it: the words of docs/reasons.md, `odigos explain` and the UI.
public struct ReasonDocumentation: Sendable, Hashable {
  /// Which decision gives the code.
  public enum Topic: String, Sendable, Hashable, CaseIterable {
    case selection = "Who is instrumented"
    case agent = "Which agent a container gets"
    case rollout = "Whether a workload restarts"
    case pods = "What is in a workload's pods"
    case rule = "Whether an InstrumentationRule has an effect"
    case admission = "What became of a pod"

    /// Where the code appears.
    public var place: String {
      switch self {
      case .selection:
        "Condition `MarkedForInstrumentation` of the InstrumentationConfig, condition `Applied` of the Source, and an "
          + "Event of a workload about which nothing can be decided."
      case .agent:
        "Condition `AgentEnabled` of the InstrumentationConfig and `spec.containers[].agentEnabledReason`. The code "
          + "of the container with the highest priority speaks for the workload."
      case .rollout: "Condition `WorkloadRollout` of the InstrumentationConfig and Events."
      case .pods: "Condition `PodsManifestInjection` of the InstrumentationConfig and Events."
      case .rule: "Condition `Applied` of the InstrumentationRule."
      case .admission: "The log line of the admission, its audit annotation and its warning."
      }
    }
  }

  /// Which decision gives the code.
  public var topic: Topic
  /// What it means, as a sentence.
  public var meaning: String
  /// What to do, as a sentence.
  public var advice: String

  init(_ topic: Topic, _ meaning: String, _ advice: String = "Nothing; this is as it should be.") {
    self.topic = topic
    self.meaning = meaning
    self.advice = advice
  }

  /// Every code, as docs/reasons.md has it.
  public static var markdown: String {
    var text = """
      # Reasons

      Every decision of the system, also the one to do nothing, carries one of these codes and a sentence that says
      what was found in this case. The codes are stable: scripts and alerts may rely on them. The sentences may change.

      `odigos explain` prints all decisions about a workload in their order, with code and sentence. The last sections
      have what collectors, agents and the configuration say of themselves.


      """
    for topic in Topic.allCases {
      text += "## \(topic.rawValue)\n\n\(topic.place)\n\n"
      text += "| Code | Status | Meaning | What to do |\n| --- | --- | --- | --- |\n"
      for code in ReasonCode.allCases {
        guard let entry = code.documentation, entry.topic == topic else { continue }
        text += "| `\(code.rawValue)` | \(code.verdict.rawValue) | \(entry.meaning) | \(entry.advice) |\n"
      }
      text += "\n"
    }
    return text + StateDocumentation.markdown
  }
}

extension ReasonCode {
  /// What the code means and what to do about it. Every code has an entry; a test sees to it.
  public var documentation: ReasonDocumentation? { Self.documentations[self] }

  private static let documentations: [ReasonCode: ReasonDocumentation] =
    selectionDocumentations.merging(agentDocumentations) { first, _ in first }
    .merging(rolloutDocumentations) { first, _ in first }.merging(podDocumentations) { first, _ in first }
    .merging(otherDocumentations) { first, _ in first }

  private static let selectionDocumentations: [ReasonCode: ReasonDocumentation] = [
    .workloadSource: .init(.selection, "A Source selects the workload, by its name or by an expression."),
    .workloadLabel: .init(.selection, "The label `odigos-instrumentation=enabled` of the workload selects it."),
    .namespaceSource: .init(.selection, "A Source selects the workload's namespace."),
    .namespaceLabel: .init(.selection, "The label `odigos-instrumentation=enabled` of the namespace selects it."),
    .workloadSourceDisabled: .init(
      .selection, "A Source with `disableInstrumentation: true` opts the workload out.",
      "Delete that Source, or set `disableInstrumentation: false`, to opt in."),
    .workloadLabelDisabled: .init(
      .selection, "The label `odigos-instrumentation=disabled` of the workload opts it out.",
      "Take the label away to opt in."),
    .namespaceSourceDisabled: .init(
      .selection, "A disabled Source of the namespace overrules the namespace's label.",
      "Delete that Source, or opt the workload in by a Source of its own."),
    .noSource: .init(
      .selection, "Nothing opts the workload in.",
      "Label the namespace or the workload with `odigos-instrumentation=enabled`, or make a Source."),
    .ignoredNamespace: .init(
      .selection, "The namespace belongs to the system or to Kubernetes and is never instrumented.",
      "Move the workload to another namespace."),
    .conflictingSources: .init(
      .selection, "More than one Source is about the workload, or about its namespace. Nothing is changed meanwhile.",
      "Keep one of the Sources that the sentence names."),
    .invalidSource: .init(
      .selection,
      "A Source's expression cannot be read, and it may be meant for this workload. Nothing is changed "
        + "meanwhile.", "Correct the expression that the sentence names."),
  ]

  private static let agentDocumentations: [ReasonCode: ReasonDocumentation] = [
    .enabledSuccessfully: .init(.agent, "The container gets an agent."),
    .enabledWithOtherAgents: .init(
      .agent, "The container gets an agent beside another vendor's.",
      "Watch the application: two agents may disturb each other."),
    .runtimeDetailsUnavailable: .init(
      .agent, "No process of this container has been seen, though others of the workload have.",
      "Look whether the container runs; name its runtime in `containerOverrides` of a Source if it ends too quickly."),
    .waitingForRuntimeInspection: .init(
      .agent, "No container of the workload has been inspected yet.",
      "Wait until a pod runs; if one does, look at the odiglet of its node."),
    .waitingForNodeCollector: .init(
      .agent, "The node collector is not ready to receive telemetry. Agents that run already stay.",
      "Wait; if it lasts, look at the DaemonSet `odigos-data-collection`, and whether there is a Destination."),
    .ignoredContainer: .init(
      .agent, "The container is one of those that are left out.",
      "Take it out of `ignoredContainers` if it should be instrumented."),
    .noCollectedSignals: .init(
      .agent, "Nothing that the agent could send is collected.",
      "Add a Destination, or let the rules that turn traces off leave out this workload."),
    .injectionConflict: .init(
      .agent, "What is set contradicts itself or the container.", "Change what the sentence names."),
    .unsupportedProgrammingLanguage: .init(
      .agent, "The language is unknown, or there is no agent for it.",
      "Name the language in `containerOverrides` of a Source if it was not recognised."),
    .unsupportedRuntimeVersion: .init(
      .agent, "The agent does not support this version of the runtime.",
      "Use a version from the range that the sentence names."),
    .noAvailableAgent: .init(
      .agent, "The distribution that would be used is not there.", "Choose one of those that the sentence names."),
    .podNotChangeable: .init(
      .agent, "The pod is read from a file of its node, where nothing can be added to it from the cluster.",
      "Run the application in a Deployment or DaemonSet."),
    .missingDistroParameter: .init(
      .agent, "Something that the agent depends on could not be found out about the container.",
      "Look at the odiglet of its node; name the value in `containerOverrides` of a Source."),
    .otherAgentDetected: .init(
      .agent, "Another vendor's agent runs in the container.",
      "Remove it, or set `allowConcurrentAgents` in the Source or in the configuration."),
    .readinessLost: .init(
      .agent, "Instrumentation was taken back because no pod with agents became ready, though all were ready before.",
      "Look at the pod's log, then change the annotation `odigos.io/rollback-recovery` of the Source."),
    .imagePullBackOff: .init(
      .agent,
      "Instrumentation was taken back because images of instrumented pods could not be pulled; or it waits because "
        + "those of pods without agents cannot.",
      "Repair the image, then change the annotation `odigos.io/rollback-recovery` of the Source."),
    .crashLoopBackOff: .init(
      .agent,
      "Instrumentation was taken back because instrumented pods crashed again and again; or it waits because pods "
        + "without agents do.",
      "Look at the pod's log, then change the annotation `odigos.io/rollback-recovery` of the Source."),
  ]

  private static let rolloutDocumentations: [ReasonCode: ReasonDocumentation] = [
    .rolloutTriggeredSuccessfully: .init(.rollout, "The workload was asked to make its pods anew."),
    .previousRolloutOngoing: .init(
      .rollout, "A rollout of the workload is under way.", "Wait; if it lasts, look at the workload's new pods."),
    .rolloutDisabled: .init(
      .rollout, "Automatic restarts are switched off.", "Restart the workload when it suits you."),
    .waitingForRestart: .init(
      .rollout,
      "The change takes effect with the next run of the job, or when somebody deletes pods that the update "
        + "strategy keeps.", "Do what the sentence says."),
    .workloadNotSupporting: .init(
      .rollout, "Workloads of this kind cannot be restarted from here.",
      "Restart it where it is managed; delete a single pod and make it again."),
    .rolloutNotRequired: .init(.rollout, "All pods are as they should be, or its agents reach pods that run already."),
    .waitingInQueue: .init(
      .rollout, "Other restarts, a canary or the webhook come first; the sentence says which.", "Wait."),
    .rolloutFinished: .init(.rollout, "The workload was restarted for its present agents."),
    .failedToPatch: .init(.rollout, "The workload cannot be restarted now.", "Resume a paused Deployment."),
  ]

  private static let podDocumentations: [ReasonCode: ReasonDocumentation] = [
    .noPods: .init(.pods, "The workload has no pods."),
    .podsAppliedSuccessfully: .init(.pods, "All pods have their agents."),
    .podsManifestInjectionNotRequired: .init(
      .pods, "The pods have no agents and are to have none, or need nothing for theirs."),
    .rolloutNotSupportedForStaticPods: .init(
      .pods, "Static pods cannot be restarted from the cluster.", "Restart it on its node."),
    .waitingForNextJobRun: .init(.pods, "The next run of the job gets the agents.", "Wait for it."),
    .rolloutInProgress: .init(.pods, "The pods are being replaced.", "Wait."),
    .waitingForAutomaticRollout: .init(
      .pods, "The pods are out of date; a restart follows.", "Wait; `WorkloadRollout` says for what."),
    .waitingInRolloutQueue: .init(
      .pods, "As many workloads are being restarted as `rollout.maxConcurrentRollouts` allows.", "Wait."),
    .restartRequiredAutoRolloutDisabled: .init(
      .pods, "The pods are out of date, and automatic restarts are switched off.", "Restart it as the sentence says."),
    .restartRequiredWebhookMissed: .init(
      .pods, "Pods came without their agents because the webhook was away, and they are not made anew by themselves.",
      "Restart the workload; if that does not help, look at the webhook."),
    .restartRequiredAutoRolloutFailed: .init(
      .pods, "The pods are out of date, and the workload could not be restarted.",
      "Resume it if it is paused; do what the sentence says."),
    .unmarkedFromOdigos: .init(
      .pods, "The workload was opted out; its pods lose their agents (an Event of the workload)."),
    .notYetReconciled: .init(.pods, "What the pods get was decided just now.", "Wait a second."),
  ]

  private static let otherDocumentations: [ReasonCode: ReasonDocumentation] = [
    .ruleApplied: .init(.rule, "The rule is part of what agents are told."),
    .ruleDisabled: .init(.rule, "The rule is switched off or being deleted.", "Set `disabled: false` to use it."),
    .ruleWithoutEffect: .init(
      .rule, "The rule selects nothing, or says nothing that this release acts on.", "Change what the sentence names."),
    .invalidRule: .init(
      .rule, "The rule names something that there is not; the rest of it holds.", "Correct what the sentence names."),
    .injected: .init(.admission, "The pod got its agents."),
    .alreadyInjected: .init(.admission, "The pod had its agents already."),
    .noWorkload: .init(
      .admission, "The pod belongs to no workload of a known kind, or has no name yet.",
      "Let a Deployment or another known kind make it."),
    .notInstrumented: .init(
      .admission, "Nobody opted the workload in, or the pod has none of the containers that get an agent.",
      "Look at the reason of the workload's selection."),
    .injectionDisabled: .init(
      .admission, "The workload is opted in, but no container gets an agent now.",
      "Look at the condition `AgentEnabled` of its InstrumentationConfig."),
    .noServiceName: .init(
      .admission, "The InstrumentationConfig has no service name yet.", "Wait; look at the instrumentor if it lasts."),
    .unsupportedMountMethod: .init(
      .admission, "The agent files cannot be brought into this pod as the configuration says.",
      "Choose another `mountMethod`."),
    .collectorAddressUnknown: .init(
      .admission,
      "The pod cannot look up names of the cluster (`hostNetwork`, `dnsPolicy`), and the address of the node "
        + "collector's Service is not known.",
      "Wait for the Service `odigos-data-collection-local-traffic` and restart the workload, or set "
        + "`dnsPolicy: ClusterFirstWithHostNet`."),
    .malformedPod: .init(
      .admission, "The pod has no metadata or no list of containers.", "Correct the pod; Kubernetes refuses it anyway."),
  ]
}
